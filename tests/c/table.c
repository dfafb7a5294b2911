/* A table is made in the host's memory, found again, and refused where there is none. */

#include "test.h"

int test_table(void)
{
    size_t size = 0, standard = 0;
    ohp_table_config config = {.size = sizeof config, .replays = 64, .hashes = 8, .kids = 8, .peers = 8,
                               .sets = 8, .slots = 2};
    OK(ohp_table_size(&config, &size));
    OK(ohp_table_size(NULL, &standard));
    CHECK(size > 0 && size < standard && standard < 64u << 20);
    config.slots = 2000000;
    STATUS(OHP_ERR_RANGE, ohp_table_size(&config, &size));
    config.slots = 2;

    uint8_t *memory = malloc(size + 8);
    memset(memory, 0xff, size + 8);
    const uint8_t *salt = (const uint8_t *)"0123456789abcdef";
    ohp_table *table = NULL, *found = NULL;
    STATUS(OHP_ERR_OBJECT, ohp_table_attach(memory, size, &found));
    STATUS(OHP_ERR_SPACE, ohp_table_init(memory, size - 8, &config, salt, &table));
    STATUS(OHP_ERR_SPACE, ohp_table_init(memory, 3, &config, salt, &table));
    STATUS(OHP_ERR_ALIGNMENT, ohp_table_init(memory + 1, size, &config, salt, &table));
    CHECK(table == NULL);
    OK(ohp_table_init(memory, size, &config, salt, &table));
    CHECK((void *)table == (void *)memory);
    CHECK(memory[size] == 0xff && memory[size + 7] == 0xff);

    OK(ohp_table_attach(memory, size, &found));
    CHECK(found == table);
    STATUS(OHP_ERR_SPACE, ohp_table_attach(memory, size - 1, &found));

    /* It holds no pointer: a copy elsewhere is as good. */
    void *elsewhere = malloc(size);
    memcpy(elsewhere, memory, size);
    OK(ohp_table_attach(elsewhere, size, &found));
    CHECK((void *)found == elsewhere);

    ohp_table_stats stats = {.size = sizeof stats, .contended = 5};
    OK(ohp_table_get_stats(table, &stats));
    CHECK(stats.size == sizeof stats && stats.contended == 0 && stats.replay_full == 0);

    ohp_tap *tap = NULL;
    STATUS(OHP_ERR_OBJECT, ohp_tap_attach(memory, size, &tap));
    free(elsewhere);
    free(memory);
    return 0;
}
