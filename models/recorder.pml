/* recorder.pml - the flight recorder (lib/ring/recorder.h): writers take slots in turn, one thread
 * brings out, and the process may be killed between any two steps; then the next one reads what is
 * left.
 *
 * SLOTS slots, PER messages of each of two writers. A body takes two stores, so that half of it can
 * be seen; a body has the sequence of its message. A row that is brought out goes to the ring: its
 * lane's tail is how many are published. All stores of a word are atomic, and those of a killed
 * process stand as it made them, in its order; orderings of other processors are not modelled:
 * acquire and release on the word are what a lock has.
 *
 * Property: nobody writes to a slot that another has; what is brought out or read after a kill is
 * whole; no message comes twice; and each that had been recorded comes, unless a younger one took
 * its slot.
 *
 * BROKEN_CLAIM   a slot is taken by a plain store
 * BROKEN_BUSY    a slot that is being written or brought out is taken all the same
 * BROKEN_OLD     a slower writer overwrites a younger message
 * BROKEN_SEAL    the word says RECORDED before the body is whole
 * BROKEN_WAY     the way is stored after the row is published
 * BROKEN_USED    a slot that is used again keeps its way */
#define SLOTS 2
#define PER 2
#define WRITERS 2
#define TRIES 2
#define ROUNDS 2 /* of the one that brings out: slots that it has emptied are used again */
#define SEQUENCES (WRITERS * PER * TRIES + 1)

#define EMPTY 0
#define WRITING 1
#define RECORDED 2
#define LEAVING 3

byte sequence;                         /* given out last */
byte word_seq[SLOTS];                  /* the word: sequence and state, changed in one step */
byte word_state[SLOTS];
byte first_half[SLOTS], second_half[SLOTS];
byte way[SLOTS];                       /* tail that the lane has with the row published; 0: none */
byte tail;                             /* of the lane of the one that brings out */
bool busy[SLOTS];                      /* somebody has the body: what must be one */
bool came[SEQUENCES];                  /* by sequence: it has come out */
bool recorded[SEQUENCES], overwritten[SEQUENCES];
bool killed;

#define AT(s) ((s) % SLOTS)
#define IS(s, state) (word_seq[AT(s)] == s && word_state[AT(s)] == state)

inline come(s) { assert(!came[s]); came[s] = true }

proctype writer() {
    byte n, mine, old_seq, old_state, tries;
    bool have;
    {
        do
        :: n == PER -> break
        :: n < PER ->
            do
            :: have || tries == TRIES -> break
            :: !have && tries < TRIES ->
                atomic { sequence++; mine = sequence; tries++ }
                atomic { old_seq = word_seq[AT(mine)]; old_state = word_state[AT(mine)] }
                if
#ifdef BROKEN_BUSY
                :: old_seq < mine ->
#else
#ifdef BROKEN_OLD
                :: old_state == EMPTY || old_state == RECORDED ->
#else
                :: old_seq < mine && (old_state == EMPTY || old_state == RECORDED) ->
#endif
#endif
                    atomic {
                        if
#ifdef BROKEN_CLAIM
                        :: true ->
#else
                        :: word_seq[AT(mine)] == old_seq && word_state[AT(mine)] == old_state ->
#endif
                            assert(old_seq < mine);
                            assert(!busy[AT(mine)]);
                            busy[AT(mine)] = true;
                            overwritten[old_seq] = true;
                            word_seq[AT(mine)] = mine;
                            word_state[AT(mine)] = WRITING;
                            have = true
                        :: else
                        fi;
                        old_seq = 0; old_state = 0
                    }
                :: else -> atomic { old_seq = 0; old_state = 0 }
                fi
            od;
            if
            :: have ->
#ifdef BROKEN_SEAL
                word_state[AT(mine)] = RECORDED;
#endif
                first_half[AT(mine)] = mine;
                second_half[AT(mine)] = mine;
#ifndef BROKEN_USED
                way[AT(mine)] = 0;
#endif
                atomic {
                    busy[AT(mine)] = false;
                    word_state[AT(mine)] = RECORDED;
                    recorded[mine] = true
                }
            :: else
            fi;
            atomic { n++; have = false; tries = 0; mine = 0 }
        od
    } unless { killed }
}

proctype flusher() {
    byte i, last, rounds;
    {
        do
        :: rounds == ROUNDS -> break
        :: rounds < ROUNDS ->
            atomic {
                last = sequence;
                i = (last > SLOTS -> last - SLOTS + 1 : 1)
            }
            do
            :: i > last -> break
            :: i <= last ->
                if
                :: atomic { IS(i, RECORDED) ->
                        word_state[AT(i)] = LEAVING;
                        assert(!busy[AT(i)]);
                        busy[AT(i)] = true
                    }
                    assert(first_half[AT(i)] == i && second_half[AT(i)] == i);
#ifdef BROKEN_WAY
                    atomic { tail++; come(i) }
                    way[AT(i)] = tail;
#else
                    way[AT(i)] = tail + 1;
                    atomic { tail++; come(i) }
#endif
                    atomic { busy[AT(i)] = false; word_state[AT(i)] = EMPTY }
                :: else
                fi;
                i++
            od;
            atomic { rounds++; i = 0; last = 0 }
        od
    } unless { killed }
}

/* The kill, and the process that comes after. */
proctype reader() {
    byte i, youngest;
    atomic {
        killed = true;
        do
        :: i == SLOTS -> break
        :: else ->
            if
            :: word_state[i] >= RECORDED && word_seq[i] > youngest -> youngest = word_seq[i]
            :: else
            fi;
            i++
        od;
        i = (youngest > SLOTS -> youngest - SLOTS + 1 : 1);
        do
        :: i > youngest -> break
        :: else ->
            if
            :: IS(i, RECORDED) || (IS(i, LEAVING) && (way[AT(i)] == 0 || tail < way[AT(i)])) ->
                assert(first_half[AT(i)] == i && second_half[AT(i)] == i);
                come(i)
            :: else
            fi;
            i++
        od;
        i = 1;
        do
        :: i > sequence -> break
        :: else ->
            assert(!recorded[i] || overwritten[i] || came[i] || i + SLOTS <= youngest);
            i++
        od
    }
}

init {
    atomic {
        run writer();
        run writer();
        run flusher();
        run reader()
    }
}
