/* linger.pml - which durable rows wake the writer (weir_handle_linger in lib/handle/handle.h): it waits for rows
 * enough for a transaction, or for some time; the journal thread tells it only of what ends that.
 *
 * Both sides store through a buffer (x86-TSO). The journal thread makes rows durable, makes a fence, looks
 * for which row the writer lingers, and rings unless that one is still to come. The writer reads the bell,
 * takes back what it said, makes a fence, looks at the journal, and waits on the bell unless it has changed.
 *
 * Property: it never waits for ever while a durable row is not applied, nor until the time is over while
 * there are enough: no deadlock, and in the end all are applied.
 *
 * BROKEN_BACK      it does not take back what it said
 * BROKEN_WRITER    it makes no fence
 * BROKEN_JOURNAL   the journal thread makes no fence
 * BROKEN_ROW       the journal thread never rings while the writer lingers
 * BROKEN_BELL      the bell is read behind the look at the journal */
#define ROWS 5
#define ENOUGH 3

byte durable, linger, bell, applied;
chan stores_j = [1] of { byte };
chan stores_w = [2] of { byte };

active proctype memory() {
    byte value;
end:
    do
    :: d_step { stores_j?value; durable = value; value = 0 }
    :: d_step { stores_w?value; linger = value; value = 0 }
    od
}

active proctype journal() {
    byte n;
    do
    :: n == ROWS -> break
    :: n < ROWS ->
        n++;
        stores_j!n;
#ifndef BROKEN_JOURNAL
        empty(stores_j);
#endif
        if
#ifdef BROKEN_ROW
        :: linger > 0
        :: linger == 0 -> empty(stores_j); bell++ /* an atomic addition empties the buffer */
#else
        :: n < linger
        :: n >= linger -> empty(stores_j); bell++
#endif
        fi
    od
}

active proctype writer() {
    byte seen, found;
    bool late;
    do
    :: applied == ROWS -> break
    :: else ->
#ifndef BROKEN_BELL
        seen = bell;
#endif
#ifndef BROKEN_BACK
        stores_w!0;
#endif
#ifndef BROKEN_WRITER
        empty(stores_w);
#endif
        found = durable;
#ifdef BROKEN_BELL
        seen = bell;
#endif
        if
        :: found > applied && (late || found - applied >= ENOUGH) -> applied = found; late = false
        :: found > applied && !late && found - applied < ENOUGH ->
            stores_w!(applied + ENOUGH);
            if
            :: bell != seen
            :: durable - applied < ENOUGH -> late = true /* the time is over */
            fi
        :: found == applied -> bell != seen /* as long as it takes */
        fi;
        seen = 0; found = 0
    od
}
