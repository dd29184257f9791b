/* mapunmap.pml written as one process with an array of program counters: a smaller state vector. */
byte refcount = 1, mapcount = 0, maps = 0, scanner = 0;
byte at[N];
#define CHECK assert(refcount >= mapcount)
#define MAPPER(i) \
  :: d_step { at[i] == 0 -> refcount++; at[i] = 1; CHECK } \
  :: d_step { at[i] == 1 -> mapcount++; at[i] = 2; CHECK } \
  :: d_step { at[i] == 2 -> mapcount--; at[i] = 3; CHECK } \
  :: d_step { at[i] == 3 -> refcount--; at[i] = 0; CHECK }

active proctype everybody() {
  do
  MAPPER(0) MAPPER(1) MAPPER(2) MAPPER(3) MAPPER(4) MAPPER(5)
#if N > 6
  MAPPER(6)
#endif
#if N > 7
  MAPPER(7)
#endif
#if N > 8
  MAPPER(8)
#endif
#if N > 9
  MAPPER(9)
#endif
  :: d_step { scanner == 0 -> refcount++; scanner = 1; CHECK }
  :: d_step { scanner == 1 -> maps = mapcount; scanner = 2 }
  :: d_step { scanner == 2 -> if :: refcount - maps == 2 -> skip :: else -> skip fi; maps = 0; scanner = 3 }
  :: d_step { scanner == 3 -> refcount--; scanner = 0; CHECK }
  od
}
