/* durable.pml - from the ring through the journal into the database, with every kind of crash (docs/DURABILITY.md).
 *
 * Rows are numbers 1, 2, 3 … in the order of their appends. The ring holds those above head. The journal
 * numbers what it is given: row k of the journal holds value journal[k]. Of the journal's rows the first
 * `disk` are on the disk and the first `cache` can be read; what a failed sync has lost (up to `clean`)
 * can be read and is never written by another sync. The database applies rows of the journal in one
 * transaction with its position, and syncs each commit.
 *
 * Crashes: the process dies (ring and page cache stay); the power goes (the ring is lost; any of the
 * rows above `disk` that a sync had not lost may have reached the disk, as a prefix). Each opening reads
 * the journal, writes again what stands above the highest mark, syncs, drains the ring from where the
 * journal or the ring says, whichever is further.
 *
 * Property: no row is applied twice; rows come in order; a row that was called durable is applied in
 * the end, and one that was published too, unless the power went.
 *
 * BROKEN_RELEASE   ring space is released before the sync
 * BROKEN_RETRY     a failed sync is tried again on the same file
 * BROKEN_TRAP      an opening believes what it reads, and does not write it again
 * BROKEN_APPLY     blocks are applied before they are durable
 * BROKEN_POSITION  the position is stored behind the transaction
 * BROKEN_DRAINED   an opening drains the ring from its head, whatever the journal says */
#define ROWS 4
#define SLOTS (ROWS + 1) /* of the journal: one more than a sound one needs */
#define CRASHES 3
#define FAILURES 2

byte journal[SLOTS + 1];
byte cache, disk, clean;      /* rows of the journal */
byte published, head, power;  /* the ring; values at or below power were lost to a power cut, perhaps */
byte taken;                   /* last value that was given to the journal */
byte durable;                 /* rows of the journal that were called durable */
byte promised;                /* a bit for each value that was called durable */
byte position, applied, last; /* the database: rows, values as bits, the last value */
byte crashes, failures, tries;
bool half;                    /* rows are committed, their position is not */

#define BIT(n) (1 << ((n) - 1))

/* fdatasync, as the kernel has it. */
inline kernel_sync(ok) {
    if
    :: failures < FAILURES && cache > disk -> failures++; clean = cache; ok = false
    :: ok = true;
       if
       :: clean > disk -> skip /* the pages are marked clean: nothing is written, and all is well */
       :: else -> disk = cache
       fi
    fi
}

/* Everything that was read or appended stands in a new segment: its pages are dirty. */
inline new_segment() { clean = 0 }

inline call_durable() {
    durable = cache;
    k = 1;
    do
    :: k <= durable -> promised = promised | BIT(journal[k]); k++
    :: else -> break
    od;
    k = 0
}

inline take_row() {
    taken++;
    cache++;
    journal[cache] = taken
}

inline apply_row() {
    k = journal[position + 1];
    assert((applied & BIT(k)) == 0);
    assert(k > last);
    applied = applied | BIT(k);
    last = k;
    k = 0
}

inline open_again() {
    ok = false;
    half = false; /* what was not committed is gone; what was is here */
#ifndef BROKEN_TRAP
    new_segment(); /* what stands above the mark is written again */
    disk = (disk > durable -> durable : disk);
#endif
    do
    :: ok -> break
    :: !ok -> kernel_sync(ok); if :: !ok -> new_segment() :: else fi
    od;
    call_durable();
    assert(position <= durable);
    taken = (durable == 0 -> 0 : journal[durable]);
#ifdef BROKEN_DRAINED
    taken = head;
#else
    if
    :: taken < head -> taken = head
    :: else
    fi;
    head = taken; /* from here on: what the journal has is not drained, and the rest goes to a new ring */
#endif
    ok = false
}

active proctype world() {
    bool ok;
    byte k;
    do
    /* a producer */
    :: d_step { published < ROWS -> published++ }
    /* the journal thread: a row, a group, a failed sync */
    :: d_step { taken < published && cache < SLOTS -> take_row() }
    :: atomic { cache > durable ->
#ifdef BROKEN_RELEASE
           head = taken;
#endif
           kernel_sync(ok);
#ifdef BROKEN_RETRY
           if :: !ok -> kernel_sync(ok) :: else fi;
#endif
           if
           :: ok -> call_durable(); head = taken
           :: else ->
               if
               :: /* forget what is not durable, and take it from the ring again */
                   cache = durable;
                   taken = head;
                   new_segment()
               :: crashes < CRASHES -> crashes++; open_again() /* or die just now */
               fi
           fi;
           ok = false
       }
    /* the writer */
    :: d_step {
#ifdef BROKEN_APPLY
           position < cache && !half ->
#else
           position < durable && !half ->
#endif
           apply_row();
#ifdef BROKEN_POSITION
           half = true
#else
           position++
#endif
       }
    :: d_step { half -> position++; half = false }
    /* the process dies */
    :: atomic { crashes < CRASHES -> crashes++; open_again() }
    /* the power goes */
    :: atomic { crashes < CRASHES -> crashes++;
           if
           :: clean <= disk ->
               do
               :: disk < cache -> disk++
               :: break
               od
           :: else
           fi;
           cache = disk;
           power = published;
           head = published; /* the ring is lost; new rows get new values */
           clean = 0;
           k = 1;
           do /* nothing that was called durable is lost */
           :: k <= ROWS ->
               if
               :: promised & BIT(k) ->
                   tries = 1;
                   do
                   :: tries <= cache && journal[tries] != k -> tries++
                   :: else -> break
                   od;
                   assert(tries <= cache);
                   tries = 0
               :: else
               fi;
               k++
           :: else -> break
           od;
           k = 0;
           durable = (durable > cache -> cache : durable);
           open_again()
       }
    :: published == ROWS && taken == published && cache == durable && position == durable &&
           !half -> break
    od;
    k = 1;
    do
    :: k <= ROWS ->
        assert((applied & BIT(k)) || (k <= power && (promised & BIT(k)) == 0));
        k++
    :: else -> break
    od
}
