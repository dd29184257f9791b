----------------------------- MODULE compaction -----------------------------
\* models/compaction.py with the policy wilcox_difference, one mapper and one pinner.
EXTENDS Integers
CONSTANT MAPPINGS
Bias == 1024
VARIABLES refcount, mapcount, exclusive, scanner, refs, mapper, held, pinned

Init == /\ refcount = 1 /\ mapcount = 1 /\ exclusive = TRUE
        /\ scanner = 0 /\ refs = 0 /\ mapper = "rest" /\ held = 0 /\ pinned = FALSE

Scanner ==
  /\ scanner' = (scanner + 1) % 4
  /\ refcount' = refcount + (CASE scanner = 0 -> 1 [] scanner = 3 -> -1 [] OTHER -> 0)
  /\ refs' = IF scanner = 1 THEN refcount ELSE 0
  /\ UNCHANGED <<mapcount, exclusive, mapper, held, pinned>>

Fork ==
  /\ mapper = "rest" /\ held < MAPPINGS
  /\ mapper' = "fork" /\ refcount' = refcount + 1
  /\ UNCHANGED <<mapcount, exclusive, held>>
Share ==
  /\ mapper = "fork" /\ ~(exclusive /\ refcount >= Bias)
  /\ mapper' = "rest" /\ exclusive' = FALSE /\ mapcount' = mapcount + 1 /\ held' = held + 1
  /\ UNCHANGED refcount
Fail ==
  /\ mapper = "fork" /\ exclusive /\ refcount >= Bias
  /\ mapper' = "copy"
  /\ UNCHANGED <<refcount, mapcount, exclusive, held>>
Drop ==
  /\ mapper = "copy"
  /\ mapper' = "rest" /\ refcount' = refcount - 1
  /\ UNCHANGED <<mapcount, exclusive, held>>
Unmap ==
  /\ mapper = "rest" /\ held > 0
  /\ mapper' = "zap" /\ mapcount' = mapcount - 1
  /\ UNCHANGED <<refcount, exclusive, held>>
Release ==
  /\ mapper = "zap"
  /\ mapper' = "rest" /\ refcount' = refcount - 1 /\ held' = held - 1
  /\ UNCHANGED <<mapcount, exclusive>>
Mapper == (Fork \/ Share \/ Fail \/ Drop \/ Unmap \/ Release) /\ UNCHANGED <<scanner, refs, pinned>>

Pinner ==
  /\ IF pinned THEN pinned' = FALSE /\ refcount' = refcount - Bias
     ELSE IF exclusive THEN pinned' = TRUE /\ refcount' = refcount + Bias
     ELSE UNCHANGED <<pinned, refcount>>
  /\ UNCHANGED <<mapcount, exclusive, scanner, refs, mapper, held>>

Next == Scanner \/ Mapper \/ Pinner
Holds == refcount >= mapcount
=============================================================================
