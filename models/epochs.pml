/* epochs.pml - ownership epochs and the cut (lib/ring/ring.h): two threads append, a signal handler appends inside
 * the first one's append, and the journal thread cuts.
 *
 * Lane 0 is thread 0's, lane 1 thread 1's, lane 2 that of thread 0's handler. Record 2 × lane + i is the
 * i-th of its lane. Tails pass through the store buffer of their thread (x86-TSO), and so does what a
 * thread says of an append that returned; a locked instruction waits until its own thread's buffer is
 * empty. What an append has to stand behind: all appends of its own thread that had returned, and those
 * of which another thread's word was seen.
 *
 * Property: whatever an append has to stand behind leaves the ring before it does; in the end all have left.
 *
 * BROKEN_HANDLER   the handler's append keeps the epoch when the word names its lane
 * BROKEN_EPOCH     a change of lanes takes no new epoch
 * BROKEN_CUT       the cut does not raise the epoch
 * BROKEN_LATE      the cut raises the epoch after it has read the tails */
#define PER_LANE 2
#define ONE 1 /* thread 1 appends so often */
#define LANES 3
#define RECORDS (LANES * PER_LANE)
#define CUTS 1 /* besides the last, which finds everything */
#define FLAG LANES /* stores of this and above: record n has returned */

byte word_epoch = 1, word_lane = 7;
byte tail[LANES], epoch[RECORDS], behind[RECORDS];
byte returned; /* memory: a bit for each record whose append has returned and said so */
byte left;     /* a bit for each record that has left the ring */
byte finished;

chan stores0 = [4] of { byte };
/* Thread 1 reads nothing after its one append, so its buffer would only delay what it does anyway. */

inline land(where) {
    if
    :: where < LANES -> tail[where]++
    :: else -> returned = returned | (1 << (where - FLAG))
    fi;
    where = 0
}

active proctype memory() {
    byte where;
end:
    do
    :: d_step { stores0?where; land(where) }
    od
}

#ifdef BROKEN_EPOCH
#define NEXT(e) (e)
#else
#define NEXT(e) ((e) + 1)
#endif

/* A compare-and-swap from what was seen; e is the epoch that it gave, or the word is seen anew. */
#define SWAP(buffered, lane, e, l, got)                                                              \
    atomic {                                                                                       \
        buffered;                                                                                  \
        if                                                                                         \
        :: word_epoch == e && word_lane == l ->                                                    \
            word_epoch = NEXT(e); word_lane = lane; e = word_epoch; got = true                     \
        :: else -> e = word_epoch; l = word_lane                                                   \
        fi                                                                                         \
    }

byte own;           /* thread 0's appends that returned, those of its handler too */
byte handled;       /* how often the handler ran */
byte h_e, h_l;
bool h_got;

/* Wherever thread 0 stands inside an append, a signal may come. */
inline perhaps_a_signal() {
    if
    :: handled < PER_LANE ->
        atomic { behind[4 + handled] = own | (returned & 12); h_e = word_epoch; h_l = word_lane }
#ifdef BROKEN_HANDLER
        h_got = (h_l == 2);
#else
        h_got = false;
#endif
        do
        :: h_got -> break
        :: !h_got -> SWAP(empty(stores0), 2, h_e, h_l, h_got)
        od;
        atomic { epoch[4 + handled] = h_e; stores0!2 }
        atomic { stores0!FLAG + 4 + handled; own = own | (1 << (4 + handled)); handled++;
                 h_e = 0; h_l = 0; h_got = false }
    :: skip
    fi
}

active proctype thread0() {
    byte n, e, l;
    bool got;
    do
    :: n == PER_LANE -> break
    :: n < PER_LANE ->
        behind[n] = own | (returned & 12);
        perhaps_a_signal();
        atomic { e = word_epoch; l = word_lane; got = (l == 0) }
        perhaps_a_signal();
        do
        :: got -> break
        :: !got -> SWAP(empty(stores0), 0, e, l, got)
        od;
        perhaps_a_signal();
        atomic { epoch[n] = e; stores0!0 }
        atomic { stores0!FLAG + n; own = own | (1 << n); n++; e = 0; l = 0; got = false }
    od;
    finished++
}

active proctype thread1() {
    byte n, e, l, mine;
    bool got;
    do
    :: n == ONE -> break
    :: n < ONE ->
        atomic { behind[2 + n] = mine | (returned & 51); e = word_epoch; l = word_lane; got = (l == 1) }
        do
        :: got -> break
        :: !got -> SWAP(true, 1, e, l, got)
        od;
        atomic { epoch[2 + n] = e; tail[1]++ }
        atomic { returned = returned | (4 << n); mine = mine | (4 << n); n++; e = 0; l = 0; got = false }
    od;
    finished++
}

byte taken[LANES], cut[LANES]; /* the journal thread's own */

/* Take the records of the cut by ascending (epoch, lane). */
inline take_all(old) {
    d_step {
        do
        :: best = LANES;
           i = 0;
           do
           :: i == LANES -> break
           :: i < LANES ->
               if
               :: taken[i] < cut[i] && epoch[2 * i + taken[i]] <= old &&
                  (best == LANES ||
                   epoch[2 * i + taken[i]] < epoch[2 * best + taken[best]]) -> best = i
               :: else
               fi;
               i++
           od;
           if
           :: best == LANES -> break
           :: else ->
               assert((behind[2 * best + taken[best]] & ~left) == 0);
               left = left | (1 << (2 * best + taken[best]));
               taken[best]++
           fi
        od;
        i = 0; best = 0
    }
}

inline bump(old) {
    atomic {
        old = word_epoch;
#ifndef BROKEN_CUT
        word_epoch++
#endif
    }
}

/* One after the other; which comes first is of no account when all is well. */
inline read_tails() { cut[1] = tail[1]; cut[0] = tail[0]; cut[2] = tail[2] }

active proctype journal() {
    byte cuts, old, i, best;
    do
    :: cuts == CUTS -> break
    :: cuts < CUTS ->
#ifdef BROKEN_LATE
        read_tails();
        bump(old);
#else
        bump(old);
        read_tails();
#endif
        take_all(old);
        cuts++; old = 0
    od;
    (finished == 2 && empty(stores0));
    bump(old);
    read_tails();
    take_all(old);
    assert(taken[0] == PER_LANE && taken[1] == ONE && taken[2] == handled)
}
