/* declared.c - the declarations of a journal that is known by its id. */
#include "declared.h"

#include "../../lib/verify/inspect.h"
#include "../columns.h"
#include "../database.h"
#include "../formers.h"

static int read_tables_of(const weir_inventory *inventory, const weir_os *os, weir_tables *tables,
                          weir_error *error) {
    weir_reader *reader;
    int status = weir_reader_make(os, weir_inventory_locator(inventory), &reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read declarations");
    weir_tables_read(tables, inventory, reader);
    weir_reader_free(reader);
    return WEIR_OK;
}

/* WEIR_NOT_FOUND: it is another journal, or none. */
static int look_in(const weir_os *os, const char *directory, const weir_id journal,
                   weir_tables *tables, weir_error *error) {
    weir_inspection look;
    weir_inventory_input input = {.os = os, .directory = directory};
    int status = weir_inspect(&input, &look, error);
    if (status == WEIR_OK && !weir_id_equal(look.inventory.journal, journal))
        status = WEIR_NOT_FOUND;
    if (status == WEIR_OK) status = read_tables_of(&look.inventory, os, tables, error);
    weir_inspection_free(&look);
    return status;
}

static int look_in_others(const weir_place *place, const weir_id journal, weir_tables *tables,
                          weir_error *error) {
    weir_database_view view;
    weir_formers formers;
    int status = weir_database_look(place->database, &view);
    if (status == WEIR_OK) {
        status = weir_formers_look(place->database, &formers);
        if (status == WEIR_OK) {
            status = WEIR_NOT_FOUND;
            for (size_t i = 0; status == WEIR_NOT_FOUND && i < view.journal_count; i++)
                status = look_in(place->os, view.journals[i], journal, tables, error);
            for (size_t i = 0; status == WEIR_NOT_FOUND && i < formers.count; i++)
                if (formers.forgotten[i].directory)
                    status =
                        look_in(place->os, formers.forgotten[i].directory, journal, tables, error);
        }
        weir_formers_free(&formers);
    }
    weir_database_free(&view);
    return status;
}

int weir_declared_read(const weir_place *place, const weir_id journal, weir_tables *tables,
                       weir_error *error) {
    *tables = (weir_tables){0};
    int status = place->journal_is_there
                     ? look_in(place->os, place->directory, journal, tables, error)
                     : WEIR_NOT_FOUND;
    if (status == WEIR_NOT_FOUND) status = look_in_others(place, journal, tables, error);
    if (status == WEIR_NO_MEMORY)
        return weir_fail(error, status, "no memory to look for a journal");
    return status;
}
