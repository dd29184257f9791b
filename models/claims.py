"""The statements of the linux-mm thread of May 2023 on skipping pages in compaction, to be settled.

``racecheck claims`` runs them. What a case predicts is what its claim says of it, never what came out.
"""

from claims_of_counts import COUNTS
from claims_of_expressions import EXPRESSIONS
from claims_of_patches import PATCHES
from claims_of_policies import POLICIES

CLAIMS = sorted([*COUNTS, *EXPRESSIONS, *POLICIES, *PATCHES], key=lambda claim: claim.id)
