/* lane.pml - one producer, one journal thread, one lane: publishing and giving space back (lib/ring/lane.h).
 *
 * The lane has SIZE cells; a record takes one. The producer looks at head, writes the cell, and
 * publishes by storing tail. The journal thread looks at tail, reads the cells, syncs, and gives
 * space back by storing head. A sync may fail: then what was taken is taken again. The process may be
 * killed at any moment; the next one drains what stands between the durable end and tail.
 *
 * Each thread's stores pass through a buffer, first in, first out, and reach memory at any later moment
 * (x86-TSO); a killed process's stores still arrive. Release and acquire ask for no more than this order.
 *
 * Property: a record that is read is whole and the one of its position; every record of 1 … durable
 * is on the disk; after a kill all others up to tail are in the lane.
 *
 * BROKEN_PUBLISH   tail is stored before the cell
 * BROKEN_RELEASE   head is stored before the sync
 * BROKEN_BOUND     the producer believes in one cell more than there is
 * BROKEN_REWIND    after a failed sync the records are not taken again */
#define SIZE 2
#define RECORDS 4
#ifdef BROKEN_BOUND
#define ROOM (SIZE + 1)
#else
#define ROOM SIZE
#endif

byte cell[SIZE]; /* which record stands there */
byte tail, head; /* memory */
byte durable;    /* records 1 … durable were called durable */
byte disk;       /* a bit for each record that is on the disk */
bool killed, producer_gone, journal_gone;
byte failures;

chan stores = [4] of { byte, byte }; /* the producer's: 0 tail, 1 + i cell i; value */
chan heads = [2] of { byte };        /* the journal thread's */

active proctype memory() {
    byte where, value;
end:
    do
    :: d_step {
        stores?where, value;
        if
        :: where == 0 -> tail = value
        :: else -> cell[where - 1] = value
        fi;
        where = 0; value = 0
    }
    :: d_step { heads?value; head = value; value = 0 }
    od
}

active proctype producer() {
    byte n = 1;
    do
    :: killed || n > RECORDS -> break
    :: atomic { !killed && n <= RECORDS && n - head <= ROOM ->
#ifdef BROKEN_PUBLISH
            stores!0, n
        }
        if :: killed -> break :: else fi;
        stores!1 + (n - 1) % SIZE, n;
#else
            stores!1 + (n - 1) % SIZE, n
        }
        if :: killed -> break :: else fi;
        stores!0, n;
#endif
        n++
    od;
    producer_gone = true
}

#define BIT(n) (1 << ((n) - 1))

active proctype journal() {
    byte seen, at, taken, pending;
    do
    :: killed || durable == RECORDS -> break
    :: !killed && durable < RECORDS ->
        (tail > taken || taken > durable || killed);
        seen = tail;
        at = taken;
        do
        :: at < seen && !killed ->
            atomic {
                assert(cell[at % SIZE] == at + 1);
                at++;
                pending = pending | BIT(at)
            }
        :: at >= seen || killed -> break
        od;
        if
        :: killed -> break
        :: else
        fi;
        taken = at;
#ifdef BROKEN_RELEASE
        heads!taken;
#endif
        if
        :: atomic { !killed -> disk = disk | pending; pending = 0; durable = taken;
                    assert(disk == BIT(durable + 1) - 1) }
#ifndef BROKEN_RELEASE
            heads!taken
#endif
        :: atomic { !killed && failures == 0 -> failures++; pending = 0;
#ifndef BROKEN_REWIND
                    taken = durable
#endif
           }
        :: killed -> break
        fi;
        seen = 0; at = 0
    od;
    journal_gone = true
}

active proctype killer() {
    byte at;
    if
    :: killed = true
    :: durable == RECORDS -> goto done
    fi;
    (producer_gone && journal_gone && empty(stores) && empty(heads));
    at = durable;
    do
    :: at < tail -> assert(cell[at % SIZE] == at + 1); at++
    :: else -> break
    od;
done:
    skip
}
