------------------------------ MODULE mapunmap ------------------------------
\* bench/models/mapunmap.py with N mappers.
EXTENDS Integers
CONSTANT N
VARIABLES refcount, mapcount, at, scanner, maps

Init == /\ refcount = 1 /\ mapcount = 0
        /\ at = [i \in 1..N |-> 0] /\ scanner = 0 /\ maps = 0

Mapper(i) ==
  /\ at' = [at EXCEPT ![i] = (@ + 1) % 4]
  /\ refcount' = refcount + (CASE at[i] = 0 -> 1 [] at[i] = 3 -> -1 [] OTHER -> 0)
  /\ mapcount' = mapcount + (CASE at[i] = 1 -> 1 [] at[i] = 2 -> -1 [] OTHER -> 0)
  /\ UNCHANGED <<scanner, maps>>

Scanner ==
  /\ scanner' = (scanner + 1) % 4
  /\ refcount' = refcount + (CASE scanner = 0 -> 1 [] scanner = 3 -> -1 [] OTHER -> 0)
  /\ maps' = IF scanner = 1 THEN mapcount ELSE 0
  /\ UNCHANGED <<mapcount, at>>

Next == Scanner \/ \E i \in 1..N : Mapper(i)
Holds == refcount >= mapcount
=============================================================================
