#include "workload.h"

const char *const WORKLOAD_SCHEMA =
    "CREATE TABLE simulation_run(id INTEGER PRIMARY KEY, name TEXT, seed INTEGER);"
    "CREATE TABLE agent_state(run_id INTEGER, tick INTEGER, agent_id INTEGER, agent_type TEXT,"
    " assets REAL, is_active INTEGER);"
    "CREATE TABLE market_transaction(run_id INTEGER, tick INTEGER, buyer_id INTEGER,"
    " seller_id INTEGER, item TEXT, quantity REAL, price REAL, kind TEXT);";

uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double amount(uint64_t *state, uint64_t limit) {
    return (double)(random_next(state) % (limit * 100)) / 100.0;
}

void workload_row(uint64_t seed, int at, row *out) {
    static const char *const types[] = {"household", "firm", "bank", "government"};
    static const char *const items[] = {"food", "labour", "housing", "capital goods", "energy"};
    static const char *const kinds[] = {"spot", "contract", "tax"};
    uint64_t state = seed ^ ((uint64_t)at << 32);
    int64_t tick = at / (2 * AGENTS), agent = at / 2 % AGENTS;

    out->is_transaction = at % 2;
    if (!out->is_transaction) {
        agent_state *a = &out->as.agent;
        a->tick = tick;
        a->agent = agent;
        a->type = types[random_next(&state) % 4];
        a->assets = amount(&state, 100000);
        a->active = random_next(&state) % 10 != 0;
        return;
    }
    market_transaction *d = &out->as.deal;
    d->tick = tick;
    d->buyer = agent;
    d->seller = (int64_t)(random_next(&state) % AGENTS);
    d->item = items[random_next(&state) % 5];
    d->quantity = amount(&state, 50);
    d->price = amount(&state, 1000);
    d->kind = kinds[random_next(&state) % 3];
}

int workload_place(bool is_transaction, int64_t tick, int64_t agent) {
    if (tick < 0 || tick >= TICKS || agent < 0 || agent >= AGENTS) return -1;
    return (int)((tick * AGENTS + agent) * 2) + is_transaction;
}
