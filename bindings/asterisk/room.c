/*
 * The memory that the library is lent for one call into it, and the clock and the random numbers that it does not have.
 *
 * As much of it exists as threads were verifying at the same time, at most.
 */
#include "asterisk.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "asterisk/lock.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

AST_MUTEX_DEFINE_STATIC(lock);
static struct room *free_rooms;

static size_t up_to(size_t size, size_t align)
{
	return (size + align - 1) / align * align;
}

ohp_disclosed *disclosed_alloc(void)
{
	ohp_disclosed *disclosed = NULL;
	void *memory;

	if (posix_memalign(&memory, ohp_disclosed_align(), ohp_disclosed_size())) {
		return NULL;
	}
	if (ohp_disclosed_init(memory, ohp_disclosed_size(), NULL, &disclosed) != OHP_OK) {
		ast_std_free(memory);
		return NULL;
	}
	/* It is at the same address as its memory. */
	return disclosed;
}

void disclosed_free(ohp_disclosed *disclosed)
{
	if (disclosed) {
		ohp_disclosed_end(disclosed);
		ast_std_free(disclosed);
	}
}

static void room_free(struct room *room)
{
	disclosed_free(room->disclosed);
	ast_std_free(room->memory);
	ast_free(room);
}

static struct room *room_alloc(void)
{
	size_t scratch = up_to(ohp_scratch_size(), 64), verdict = up_to(ohp_verdict_size(), 64);
	struct room *room = ast_calloc(1, sizeof(*room));

	if (!room) {
		return NULL;
	}
	if (posix_memalign(&room->memory, 64, scratch + verdict + OHP_ENVELOPE_LEN_MAX)) {
		room->memory = NULL;
	}
	room->disclosed = disclosed_alloc();
	if (!room->memory || !room->disclosed) {
		ast_log(LOG_ERROR, "No memory to verify in\n");
		room_free(room);
		return NULL;
	}
	room->scratch = room->memory;
	room->verdict = room->scratch + scratch;
	room->envelope = (uint8_t *) room->verdict + verdict;
	return room;
}

struct room *room_take(void)
{
	struct room *room;

	ast_mutex_lock(&lock);
	room = free_rooms;
	if (room) {
		free_rooms = room->next;
	}
	ast_mutex_unlock(&lock);
	return room ? room : room_alloc();
}

void room_give(struct room *room)
{
	if (!room) {
		return;
	}
	ohp_disclosed_wipe(room->disclosed);
	ast_mutex_lock(&lock);
	room->next = free_rooms;
	free_rooms = room;
	ast_mutex_unlock(&lock);
}

void rooms_close(void)
{
	struct room *room;

	while ((room = free_rooms)) {
		free_rooms = room->next;
		room_free(room);
	}
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool lend(ohp_host *host, struct room *room, const struct profile *profile, const ohp_tap *tap, const char *peer)
{
	*host = (ohp_host) {
		.size = sizeof(*host),
		.context = profile->context,
		.table = calls_table(),
		.tap = tap,
		.peer = { (const uint8_t *) peer, strlen(peer) },
		.now_ms = now_ms(),
		.scratch = room->scratch,
		.scratch_size = ohp_scratch_size(),
		.disclosed = room->disclosed,
	};
	if (getrandom(host->random, sizeof(host->random), 0) != sizeof(host->random)) {
		static uint64_t last;

		if (may_log(&last)) {
			ast_log(LOG_ERROR, "The system gives no random numbers: %s. Nothing is sent or judged without them\n", strerror(errno));
		}
		return false;
	}
	return true;
}

void take_back(ohp_host *host)
{
	explicit_bzero(host->random, sizeof(host->random));
}
