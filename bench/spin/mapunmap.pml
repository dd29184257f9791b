/* bench/models/mapunmap.py with N mappers. A scanner's dead local is zeroed, and so it is in ours. */
byte refcount = 1, mapcount = 0;
#define CHECK assert(refcount >= mapcount)

active [N] proctype mapper() {
  do
  :: d_step { refcount++; CHECK }
     d_step { mapcount++; CHECK }
     d_step { mapcount--; CHECK }
     d_step { refcount--; CHECK }
  od
}

active proctype scanner() {
  byte maps;
  do
  :: d_step { refcount++; CHECK }
     maps = mapcount;
     d_step { if :: refcount - maps == 2 -> skip :: else -> skip fi; maps = 0 }
     d_step { refcount--; CHECK }
  od
}
