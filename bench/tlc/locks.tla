-------------------------------- MODULE locks --------------------------------
\* bench/models/locks.py with N workers.
EXTENDS Integers
CONSTANT N
VARIABLES lock, counts, at, bucket, old
Workers == 1..N
Buckets == 0..3

Init == /\ lock = [b \in Buckets |-> 0] /\ counts = [b \in Buckets |-> 0]
        /\ at = [w \in Workers |-> 0] /\ bucket = [w \in Workers |-> 0] /\ old = [w \in Workers |-> 0]

Go(w) == at' = [at EXCEPT ![w] = (@ + 1) % 4]

Take(w, b) == /\ at[w] = 0 /\ lock[b] = 0 /\ Go(w)
              /\ lock' = [lock EXCEPT ![b] = 1] /\ bucket' = [bucket EXCEPT ![w] = b]
              /\ UNCHANGED <<counts, old>>
Read(w) == /\ at[w] = 1 /\ Go(w)
           /\ old' = [old EXCEPT ![w] = counts[bucket[w]]]
           /\ UNCHANGED <<lock, counts, bucket>>
Count(w) == /\ at[w] = 2 /\ Go(w)
            /\ counts' = [counts EXCEPT ![bucket[w]] = (old[w] + 1) % 4] /\ old' = [old EXCEPT ![w] = 0]
            /\ UNCHANGED <<lock, bucket>>
Leave(w) == /\ at[w] = 3 /\ Go(w)
            /\ lock' = [lock EXCEPT ![bucket[w]] = 0] /\ bucket' = [bucket EXCEPT ![w] = 0]
            /\ UNCHANGED <<counts, old>>

Next == \E w \in Workers : Read(w) \/ Count(w) \/ Leave(w) \/ \E b \in Buckets : Take(w, b)
Holds == /\ counts[0] < 4
         /\ \A w \in Workers : at[w] = 2 => old[w] = counts[bucket[w]]
==============================================================================
