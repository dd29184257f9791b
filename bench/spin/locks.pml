/* bench/models/locks.py with N workers. Dead locals are zeroed, and so they are in ours. */
bit lock[4];
byte counts[4];
#define TAKE(b) :: d_step { !lock[b] -> lock[b] = 1; bucket = b }

active [N] proctype worker() {
  byte bucket, old;
  do
  :: if TAKE(0) TAKE(1) TAKE(2) TAKE(3) fi;
     old = counts[bucket];
     d_step {
       assert(counts[bucket] == old);
       counts[bucket] = (old + 1) % 4;
       old = 0;
       assert(counts[0] < 4)
     }
     d_step { lock[bucket] = 0; bucket = 0 }
  od
}
