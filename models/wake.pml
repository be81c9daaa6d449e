/* wake.pml - who sleeps and who wakes (lib/journal/journaler.h): two producers append, the journal thread sleeps when
 * nothing is there.
 *
 * Producers publish through a store buffer (x86-TSO), make no fence and look at asleep. The journal
 * thread says that it sleeps, makes the process-wide barrier (every producer's buffer is empty then),
 * looks once more at the tails against what it has taken, and waits on the bell unless it has changed.
 *
 * Property: it never waits for ever while a record is there: no deadlock, and in the end all are taken.
 *
 * BROKEN_BARRIER   there is no barrier
 * BROKEN_LOOK      there is no second look at the tails
 * BROKEN_BELL      the bell is read only when the wait begins
 * BROKEN_TAKEN     the second look compares with the head that was released, not with what was taken */
#define RECORDS 3

byte tail[2], asleep, bell;
bool woken;
chan stores0 = [2] of { byte };
chan stores1 = [2] of { byte };

active proctype memory() {
    byte value;
end:
    do
    :: d_step { stores0?value; tail[0] = value; value = 0 }
    :: d_step { stores1?value; tail[1] = value; value = 0 }
    od
}

inline ring_if_idle() {
    if
    :: asleep == 2 -> bell++; if :: asleep > 0 -> woken = true :: else fi
    :: else
    fi
}

active proctype producer0() {
    byte n;
    do
    :: n < RECORDS -> n++; stores0!n; ring_if_idle()
    :: n == RECORDS -> break
    od
}

active proctype producer1() {
    byte n;
    do
    :: n < RECORDS -> n++; stores1!n; ring_if_idle()
    :: n == RECORDS -> break
    od
}

active proctype journal() {
    byte taken0, taken1, seen, spins;
    bool news;
    do
    :: taken0 == RECORDS && taken1 == RECORDS -> break
    :: else ->
        taken0 = tail[0];
        taken1 = tail[1];
#ifndef BROKEN_BELL
        seen = bell;
#endif
        asleep = 2; /* sequentially consistent: nothing of ours waits in a buffer */
#ifndef BROKEN_BARRIER
        empty(stores0);
        empty(stores1);
#endif
#if defined(BROKEN_LOOK)
        news = false;
#elif defined(BROKEN_TAKEN)
        news = (tail[0] < taken0 || tail[1] < taken1);
#else
        news = (tail[0] != taken0 || tail[1] != taken1);
#endif
#ifdef BROKEN_BELL
        seen = bell;
#endif
        woken = false;
        if
        :: news || (taken0 == RECORDS && taken1 == RECORDS)
        :: !news && !(taken0 == RECORDS && taken1 == RECORDS) ->
            if
            :: bell != seen /* the kernel compares, and does not wait */
            :: atomic { bell == seen -> woken = false }
               woken
            fi
        fi;
        asleep = 0; seen = 0; news = false
    od
}
