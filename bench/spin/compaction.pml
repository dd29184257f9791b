/* models/compaction.py with the policy wilcox_difference, one mapper and one pinner.
 *
 * The ghost "pins" follows from the pinner's place, and so adds no state. The scanner's test is evaluated
 * and forgotten, as its outcome is an event in ours. */
#define BIAS 1024
short refcount = 1, mapcount = 1;
bit exclusive = 1;
#define CHECK assert(refcount >= mapcount)

active proctype scanner() {
  short refs;
  do
  :: d_step { refcount != 0 -> refcount++; CHECK }
     refs = refcount;
     d_step {
       if :: refs < mapcount || refs - mapcount >= BIAS -> skip :: else -> skip fi;
       refs = 0
     }
     d_step { refcount--; CHECK }
  od
}

active proctype mapper() {
  short held;
  do
  :: d_step { held < MAPPINGS -> refcount++; CHECK }
     if
     :: d_step { !exclusive || refcount < BIAS -> exclusive = 0; mapcount++; held++; CHECK }
     :: d_step { exclusive && refcount >= BIAS -> skip }
        d_step { refcount--; CHECK }
     fi
  :: d_step { held > 0 -> mapcount--; CHECK }
     d_step { refcount--; held--; CHECK }
  od
}

active proctype pinner() {
  do
  :: d_step { exclusive -> refcount = refcount + BIAS; CHECK }
     d_step { refcount = refcount - BIAS; CHECK }
  :: d_step { !exclusive -> skip }
  od
}
