/* owner.pml - who has a lane: the owner word {generation, thread id, state} and the holder (lib/ring/ring.h).
 *
 * One lane, and lives of threads that come one after the other or at once. Each has a number of its own,
 * and one of IDS ids, which the kernel gives again as soon as its thread has ended. A thread claims the
 * lane when it is free, appends, and ends: by handing the lane back, or without a word. The journal
 * thread drains, frees what ended, and asks the kernel after owners: for a thread with that id, and the
 * kernel may not tell. Between its look at the word, the answer, and its change anything may happen.
 * A thread that finds the lane by itself, its slot being another handle's, appends to it too.
 *
 * Property: whoever appends is the only one that has the lane; what is claimed is drained; nobody who
 * lives loses it. At the end, when all have ended and were looked for, the lane is free.
 *
 * BROKEN_GENERATION  the word is the same again when it has the same id
 * BROKEN_UNKNOWN     whoever cannot be looked at counts as dead
 * BROKEN_DRAIN       a lane is free before it is drained
 * BROKEN_SWAP        what was decided is stored without a compare-and-swap
 * BROKEN_NUMBER      a lane is one's own when the word has one's id
 * BROKEN_JUDGE       nobody looks for threads that ended without a word */
#define LIVES 3
#define IDS 2
#define NONE 255

mtype = { FREE, OWNED, ENDED };
mtype state = FREE;
byte generation, word_id = NONE, holder = NONE;
bool id_used[IDS];
byte tail, head;
byte inside = NONE; /* who is in an append */
byte owner = NONE;  /* who claimed it and has not given it back: what must be so */
byte gone;          /* threads that ended */

inline enter_append(me) {
    atomic {
        assert(inside == NONE && owner == me);
        inside = me
    }
    atomic {
        assert(inside == me);
        tail++;
        inside = NONE
    }
}

#ifdef BROKEN_NUMBER
#define IS_MINE(me, id) (state == OWNED && word_id == id)
#else
#define IS_MINE(me, id) (holder == me)
#endif

/* What a claim sees of the word, and swaps if it is still so. */
proctype thread(byte me) {
    byte id, seen;
    bool has = false;
    atomic { /* born with a free id */
        if
        :: !id_used[0] -> id = 0
        :: !id_used[1] -> id = 1
        fi;
        id_used[id] = true
    }
    if
    :: IS_MINE(me, id) -> enter_append(me) /* it has none yet */
    :: else
    fi;
    do
    :: !has && state == FREE ->
        seen = generation;
        if
        :: atomic { state == FREE && generation == seen ->
               assert(tail == head && owner == NONE);
               state = OWNED; word_id = id; owner = me;
#ifndef BROKEN_GENERATION
               generation++
#endif
           }
           holder = me;
           has = true
        :: else
        fi
    :: !has -> break /* it gives up: full */
    :: has -> break
    od;
    if
    :: has ->
        enter_append(me);
        if
        :: IS_MINE(me, id) -> enter_append(me)
        :: else -> assert(false) /* it lives, and has lost its lane */
        fi;
        if
        :: skip -> /* it says so */
            holder = NONE;
            atomic { assert(state == OWNED); state = ENDED; owner = NONE }
            if
            :: atomic { state == ENDED && tail == head -> state = FREE }
            :: else
            fi
        :: skip -> atomic { owner = NONE } /* without a word */
        fi
    :: else
    fi;
    atomic { id_used[id] = false; gone++; id = 0; seen = 0; has = false }
}

inline free_ended() {
#ifdef BROKEN_DRAIN
    if
    :: atomic { state == ENDED -> state = FREE }
    :: else
    fi
#else
    if
    :: atomic { state == ENDED && tail == head -> state = FREE }
    :: else
    fi
#endif
}

/* The kernel's answer at this moment; it may be that it does not tell. */
inline judge() {
    if
    :: atomic { state == OWNED -> seen_g = generation; seen_id = word_id; looked = true }
    :: else
    fi;
    if
    :: looked ->
        if
        :: !id_used[seen_id] -> dead = true
        :: id_used[seen_id]
#ifdef BROKEN_UNKNOWN
        :: true -> dead = true
#else
        :: true /* not told */
#endif
        fi
    :: else
    fi;
    if
    :: dead ->
        if
#ifdef BROKEN_SWAP
        :: atomic { state = ENDED }
#else
        :: atomic { state == OWNED && generation == seen_g && word_id == seen_id -> state = ENDED }
        :: else
#endif
        fi
    :: else
    fi;
    atomic { seen_g = 0; seen_id = 0; looked = false; dead = false }
}

active proctype journal() {
    byte seen_g, seen_id;
    bool looked, dead;
    do
    :: gone < LIVES && head < tail -> head = tail
    :: gone < LIVES && state == ENDED -> free_ended()
#ifndef BROKEN_JUDGE
    :: gone < LIVES && state == OWNED -> judge()
#endif
    :: gone == LIVES -> break
    od;
    head = tail; /* all are gone, and it looks once more */
#ifndef BROKEN_JUDGE
    atomic {
        if
        :: state == OWNED -> state = ENDED
        :: else
        fi
    }
#endif
    free_ended();
    assert(state == FREE)
}

init {
    atomic {
        byte i;
        for (i : 0 .. LIVES - 1) { run thread(i) }
    }
}
