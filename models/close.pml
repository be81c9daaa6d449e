/* close.pml - closing while others append (lib/handle/append.c, lib/handle/close.c): the gate, the busy flags, the barrier.
 *
 * A producer raises its lane's busy flag, looks at the gate, writes into the lane, publishes, and takes
 * the flag down; all of it through a store buffer (x86-TSO) and without a fence. The closer shuts the
 * gate, makes the process-wide barrier, waits until no flag is up or its patience ends, lets the journal
 * thread drain the ring, and takes the mapping away, unless a flag is still up: then ring and mapping stay.
 *
 * Property: nobody writes into a mapping that is gone; an append that was called good is in the journal, or
 * in a ring that was kept.
 *
 * BROKEN_BARRIER   there is no barrier
 * BROKEN_BUSY      the flag is raised after the look at the gate
 * BROKEN_GATE      the flags are looked at before the gate is shut
 * BROKEN_PATIENCE  the mapping goes although a flag is up
 * BROKEN_LEAVE     the flag is taken down before the record is published */
#define APPENDS 2

bool gate = true, busy[2], mapped = true, kept;
byte tail[2], good[2], journaled[2];
chan stores0 = [4] of { byte, byte }; /* 0 tail, 1 busy; value */
chan stores1 = [4] of { byte, byte };
byte gone;

inline land(lane) {
    if
    :: where == 0 -> assert(mapped); tail[lane] = value
    :: else -> busy[lane] = value
    fi;
    where = 0; value = 0
}

active proctype memory() {
    byte where, value;
end:
    do
    :: d_step { stores0?where, value; land(0) }
    :: d_step { stores1?where, value; land(1) }
    od
}

inline append(lane, stores) {
#ifdef BROKEN_BUSY
    open = gate;
    stores!1, 1;
#else
    stores!1, 1;
    open = gate;
#endif
    if
    :: open ->
        assert(mapped); /* the bytes of the record */
#ifdef BROKEN_LEAVE
        stores!1, 0;
        stores!0, n + 1;
#else
        stores!0, n + 1;
#endif
        good[lane] = n + 1
    :: else
    fi;
#ifndef BROKEN_LEAVE
    stores!1, 0;
#endif
    n++
}

active proctype producer0() {
    byte n; bool open = true;
    do
    :: n < APPENDS && open -> append(0, stores0)
    :: n == APPENDS || !open -> break
    od;
    gone++
}

active proctype producer1() {
    byte n; bool open = true;
    do
    :: n < APPENDS && open -> append(1, stores1)
    :: n == APPENDS || !open -> break
    od;
    gone++
}

active proctype closer() {
    bool quiet;
#ifdef BROKEN_GATE
    if
    :: !busy[0] && !busy[1] -> quiet = true
    :: quiet = false
    fi;
    gate = false;
    empty(stores0);
    empty(stores1);
#else
    gate = false;
#ifndef BROKEN_BARRIER
    empty(stores0);
    empty(stores1);
#endif
    if
    :: (!busy[0]) -> if :: (!busy[1]) -> quiet = true :: quiet = false fi
    :: quiet = false
    fi;
#endif
    journaled[0] = tail[0];
    journaled[1] = tail[1];
#ifdef BROKEN_PATIENCE
    quiet = true;
#endif
    if
    :: quiet -> mapped = false
    :: else -> kept = true
    fi;
    (gone == 2 && empty(stores0) && empty(stores1));
    if
    :: kept -> assert(tail[0] == good[0] && tail[1] == good[1])
    :: else -> assert(journaled[0] == good[0] && journaled[1] == good[1])
    fi
}
