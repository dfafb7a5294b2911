/*
 * ohp.conf: profiles, endpoints, and the contexts made of their trust bundles.
 *
 * A reload makes everything anew and takes it only as a whole: a bundle that is wrong leaves what was in force. Calls take
 * what is in force with the next thing that happens on them.
 */
#include "asterisk.h"

#include <errno.h>

#include "asterisk/astobj2.h"
#include "asterisk/config_options.h"
#include "asterisk/json.h"
#include "asterisk/logger.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

#include "res_ohp.h"

/* A bundle is keys and trust: far less. A template may fill what the library takes. */
#define BUNDLE_LEN_MAX (4 << 20)
#define BUCKETS 17

struct snapshot {
	struct ao2_container *profiles;
	struct ao2_container *endpoints;
};

static AO2_GLOBAL_OBJ_STATIC(current);

AO2_STRING_FIELD_HASH_FN(profile, name)
AO2_STRING_FIELD_CMP_FN(profile, name)
AO2_STRING_FIELD_HASH_FN(endpoint, name)
AO2_STRING_FIELD_CMP_FN(endpoint, name)

static void profile_destroy(void *obj)
{
	struct profile *profile = obj;

	ohp_context_unref(&profile->context);
	ast_free(profile->template_text);
	ast_free(profile->keys_text);
}

static void *profile_alloc(const char *category)
{
	struct profile *profile = ao2_alloc_options(sizeof(*profile), profile_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (profile) {
		ast_copy_string(profile->name, category, sizeof(profile->name));
	}
	return profile;
}

static void *profile_find(struct ao2_container *container, const char *category)
{
	return ao2_find(container, category, OBJ_SEARCH_KEY);
}

static void endpoint_destroy(void *obj)
{
	struct endpoint *endpoint = obj;

	ao2_cleanup(endpoint->profile);
}

static void *endpoint_alloc(const char *category)
{
	struct endpoint *endpoint = ao2_alloc_options(sizeof(*endpoint), endpoint_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (endpoint) {
		ast_copy_string(endpoint->name, category, sizeof(endpoint->name));
	}
	return endpoint;
}

static void *endpoint_find(struct ao2_container *container, const char *category)
{
	return ao2_find(container, category, OBJ_SEARCH_KEY);
}

static void snapshot_destroy(void *obj)
{
	struct snapshot *snapshot = obj;

	ao2_cleanup(snapshot->profiles);
	ao2_cleanup(snapshot->endpoints);
}

static void *snapshot_alloc(void)
{
	struct snapshot *snapshot = ao2_alloc_options(sizeof(*snapshot), snapshot_destroy, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!snapshot) {
		return NULL;
	}
	snapshot->profiles = ao2_container_alloc_hash(AO2_ALLOC_OPT_LOCK_MUTEX, 0, BUCKETS, profile_hash_fn, NULL,
		profile_cmp_fn);
	snapshot->endpoints = ao2_container_alloc_hash(AO2_ALLOC_OPT_LOCK_MUTEX, 0, BUCKETS, endpoint_hash_fn, NULL,
		endpoint_cmp_fn);
	if (!snapshot->profiles || !snapshot->endpoints) {
		ao2_ref(snapshot, -1);
		return NULL;
	}
	return snapshot;
}

static int prepare(void);

static struct aco_type profile_type = {
	.type = ACO_ITEM,
	.name = "profile",
	.matchfield = "type",
	.matchvalue = "profile",
	.category = ".*",
	.category_match = ACO_WHITELIST,
	.item_alloc = profile_alloc,
	.item_find = profile_find,
	.item_offset = offsetof(struct snapshot, profiles),
};
static struct aco_type *profile_types[] = ACO_TYPES(&profile_type);

static struct aco_type endpoint_type = {
	.type = ACO_ITEM,
	.name = "endpoint",
	.matchfield = "type",
	.matchvalue = "endpoint",
	.category = ".*",
	.category_match = ACO_WHITELIST,
	.item_alloc = endpoint_alloc,
	.item_find = endpoint_find,
	.item_offset = offsetof(struct snapshot, endpoints),
};
static struct aco_type *endpoint_types[] = ACO_TYPES(&endpoint_type);

static struct aco_file ohp_conf = {
	.filename = "ohp.conf",
	.types = ACO_TYPES(&profile_type, &endpoint_type),
};

CONFIG_INFO_STANDARD(info, current, snapshot_alloc,
	.files = ACO_FILES(&ohp_conf),
	.pre_apply_config = prepare,
);

static int tier_handler(const struct aco_option *opt, struct ast_variable *var, void *obj)
{
	struct profile *profile = obj;
	unsigned int tier;

	for (tier = OHP_TIER_CORE; tier <= OHP_TIER_REGULATED; tier++) {
		ohp_str name = ohp_tier_text(tier);

		if (strlen(var->value) == name.len && !strncasecmp(var->value, name.data, name.len)) {
			profile->tier = tier;
			return 0;
		}
	}
	ast_log(LOG_ERROR, "%s: tier is core, signed, sealed or regulated, not '%s'\n", profile->name, var->value);
	return -1;
}

static int media_until_handler(const struct aco_option *opt, struct ast_variable *var, void *obj)
{
	struct endpoint *endpoint = obj;

	if (!strcasecmp(var->value, "hangup")) {
		endpoint->media_until = MEDIA_UNTIL_HANGUP;
	} else if (!strcasecmp(var->value, "handoff")) {
		endpoint->media_until = MEDIA_UNTIL_HANDOFF;
	} else {
		ast_log(LOG_ERROR, "%s: media_until is hangup or handoff, not '%s'\n", endpoint->name, var->value);
		return -1;
	}
	return 0;
}

/* What the section's kind is known by; there is nothing to keep of it. */
static int type_handler(const struct aco_option *opt, struct ast_variable *var, void *obj)
{
	return 0;
}

char *read_file(const char *path, size_t max, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *text = file ? ast_malloc(max + 1) : NULL;

	if (!file || !text) {
		ast_log(LOG_ERROR, "Cannot read '%s': %s\n", path, strerror(errno));
	} else {
		/* A buffer of the stream's would keep what is secret. */
		setvbuf(file, NULL, _IONBF, 0);
		*len = fread(text, 1, max, file);
		if (ferror(file) || fgetc(file) != EOF) {
			ast_log(LOG_ERROR, "Cannot read '%s', or it is larger than %zu bytes\n", path, max);
			explicit_bzero(text, *len);
			ast_free(text);
			text = NULL;
		} else {
			text[*len] = '\0';
		}
	}
	if (file) {
		fclose(file);
	}
	return text;
}

/* What a bundle held is as secret as our keys. */
static void forget(char *text, size_t len)
{
	if (text) {
		explicit_bzero(text, len);
		ast_free(text);
	}
}

/* ---- Whose keys there are ---- */

/* The end of a JSON text that begins after its quotation mark. */
static char *end_of_text(char *at)
{
	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1]) {
			at++;
		}
	}
	return at;
}

/*
 * Puts blanks in the place of every text that is the member "d" or "priv" of something, which is where a JWK has its private
 * part (RFC 7517): a JSON reader would leave copies behind. The bundle is known to be well formed.
 */
static void blank_private(char *json)
{
	char *at = json;

	while ((at = strchr(at, '"'))) {
		char *name = at + 1, *end = end_of_text(name), *value;
		size_t len = end - name;
		bool is_private = (len == 1 && *name == 'd') || (len == 4 && !strncmp(name, "priv", 4))
			|| memchr(name, '\\', len);

		if (!*end) {
			return;
		}
		at = end + 1;
		value = at + strspn(at, " \t\r\n");
		if (!is_private || *value != ':') {
			continue;
		}
		value++;
		value += strspn(value, " \t\r\n");
		if (*value == '"') {
			end = end_of_text(value + 1);
			memset(value + 1, ' ', end - value - 1);
			at = *end ? end + 1 : end;
		}
	}
}

static void list_keys(struct ast_str **out, const char *whose, struct ast_json *set)
{
	struct ast_json *keys = ast_json_object_get(set, "keys");
	size_t n;

	for (n = 0; n < ast_json_array_size(keys); n++) {
		struct ast_json *key = ast_json_array_get(keys, n);

		ast_str_append(out, 0, "  %-44s %-24s %-10s %-4s %s .. %s%s\n", whose, S_OR(ast_json_object_string_get(key, "kid"), "-"),
			S_OR(ast_json_object_string_get(key, "alg"), S_OR(ast_json_object_string_get(key, "crv"), "-")),
			S_OR(ast_json_object_string_get(key, "use"), "-"), S_OR(ast_json_object_string_get(key, "validFrom"), "-"),
			S_OR(ast_json_object_string_get(key, "validUntil"), "-"),
			ast_json_is_true(ast_json_object_get(key, "revoked")) ? " revoked" : "");
	}
}

/* `bundle` is blanked. */
static char *keys_of(char *bundle)
{
	struct ast_json *json, *receiver, *issuers;
	struct ast_json_iter *each;
	struct ast_str *out = ast_str_create(1024);
	char *text;

	blank_private(bundle);
	json = ast_json_load_string(bundle, NULL);
	if (!json || !out) {
		ast_json_unref(json);
		ast_free(out);
		return NULL;
	}
	receiver = ast_json_object_get(json, "receiver");
	list_keys(&out, S_OR(ast_json_object_string_get(receiver, "did"), "(ours)"), ast_json_object_get(receiver, "keys"));
	issuers = ast_json_object_get(json, "issuers");
	for (each = ast_json_object_iter(issuers); each; each = ast_json_object_iter_next(issuers, each)) {
		list_keys(&out, ast_json_object_iter_key(each), ast_json_object_get(ast_json_object_iter_value(each), "jwks"));
	}
	text = ast_strdup(ast_str_buffer(out));
	ast_json_unref(json);
	ast_free(out);
	return text;
}

static int load_profile(struct profile *profile)
{
	char words[256];
	ohp_text why = { words, sizeof(words), 0 };
	ohp_context_config config = { .size = sizeof(config) };
	char *bundle = NULL;
	size_t len = 0;
	ohp_status status;

	if (!ast_strlen_zero(profile->template_file)) {
		profile->template_text = read_file(profile->template_file, OHP_TEMPLATE_LEN_MAX, &len);
		if (!profile->template_text) {
			return -1;
		}
	}
	len = 0;
	if (!ast_strlen_zero(profile->bundle) && !(bundle = read_file(profile->bundle, BUNDLE_LEN_MAX, &len))) {
		return -1;
	}
	config.trust = (ohp_bytes) { (const uint8_t *) bundle, len };
	config.enforce = profile->enforce != 0;
	config.text_only = profile->body_text != 0;
	config.robust_fingerprint = profile->robust_fingerprint != 0;
	config.body_max = profile->body_max;
	config.peer_rate = profile->peer_rate;
	config.lifetime_ms = profile->lifetime_ms;
	status = ohp_context_new(&config, &why, &profile->context);
	if (bundle && status == OHP_OK) {
		profile->keys_text = keys_of(bundle);
	}
	forget(bundle, len);
	if (status != OHP_OK) {
		ohp_str text = ohp_status_text(status);

		ast_log(LOG_ERROR, "Profile '%s', bundle '%s': %.*s %.*s\n", profile->name, S_OR(profile->bundle, "none"),
			OHP_PRI(text), OHP_PRI(why));
		return -1;
	}
	return 0;
}

/* Makes the contexts before anything is put in force. */
static int prepare(void)
{
	struct snapshot *pending = aco_pending_config(&info);
	struct ao2_iterator each;
	struct profile *profile;
	struct endpoint *endpoint;
	int res = 0;

	if (!pending) {
		return -1;
	}
	each = ao2_iterator_init(pending->profiles, 0);
	for (; !res && (profile = ao2_iterator_next(&each)); ao2_ref(profile, -1)) {
		res = load_profile(profile);
	}
	ao2_iterator_destroy(&each);
	each = ao2_iterator_init(pending->endpoints, 0);
	for (; !res && (endpoint = ao2_iterator_next(&each)); ao2_ref(endpoint, -1)) {
		endpoint->profile = ao2_find(pending->profiles, endpoint->profile_name, OBJ_SEARCH_KEY);
		if (!endpoint->profile) {
			ast_log(LOG_ERROR, "Endpoint '%s' names profile '%s', which is not there\n", endpoint->name,
				endpoint->profile_name);
			res = -1;
		}
	}
	ao2_iterator_destroy(&each);
	return res;
}

int settings_init(void)
{
	if (aco_info_init(&info)) {
		return -1;
	}
	aco_option_register_custom(&info, "type", ACO_EXACT, profile_types, NULL, type_handler, 0);
	aco_option_register(&info, "bundle", ACO_EXACT, profile_types, "", OPT_CHAR_ARRAY_T, 0,
		CHARFLDSET(struct profile, bundle));
	aco_option_register(&info, "template", ACO_EXACT, profile_types, "", OPT_CHAR_ARRAY_T, 0,
		CHARFLDSET(struct profile, template_file));
	aco_option_register_custom(&info, "tier", ACO_EXACT, profile_types, "signed", tier_handler, 0);
	aco_option_register(&info, "enforce", ACO_EXACT, profile_types, "no", OPT_BOOL_T, 1,
		FLDSET(struct profile, enforce));
	aco_option_register(&info, "body_text", ACO_EXACT, profile_types, "no", OPT_BOOL_T, 1,
		FLDSET(struct profile, body_text));
	aco_option_register(&info, "robust_fingerprint", ACO_EXACT, profile_types, "no", OPT_BOOL_T, 1,
		FLDSET(struct profile, robust_fingerprint));
	aco_option_register(&info, "body_max", ACO_EXACT, profile_types, "0", OPT_UINT_T, PARSE_IN_RANGE,
		FLDSET(struct profile, body_max), 0, 1300);
	aco_option_register(&info, "peer_rate", ACO_EXACT, profile_types, "0", OPT_UINT_T, 0,
		FLDSET(struct profile, peer_rate));
	aco_option_register(&info, "lifetime", ACO_EXACT, profile_types, "0", OPT_UINT_T, PARSE_IN_RANGE,
		FLDSET(struct profile, lifetime_ms), 0, 300000);
	aco_option_register(&info, "keep_disclosed", ACO_EXACT, profile_types, "0", OPT_UINT_T, PARSE_IN_RANGE,
		FLDSET(struct profile, keep_disclosed), 0, 3600);

	aco_option_register_custom(&info, "type", ACO_EXACT, endpoint_types, NULL, type_handler, 0);
	aco_option_register(&info, "profile", ACO_EXACT, endpoint_types, NULL, OPT_CHAR_ARRAY_T, 1,
		CHARFLDSET(struct endpoint, profile_name));
	aco_option_register(&info, "media_check", ACO_EXACT, endpoint_types, "no", OPT_BOOL_T, 1,
		FLDSET(struct endpoint, media_check));
	aco_option_register_custom(&info, "media_until", ACO_EXACT, endpoint_types, "hangup", media_until_handler, 0);
	aco_option_register(&info, "media_timeout", ACO_EXACT, endpoint_types, "0", OPT_UINT_T, PARSE_IN_RANGE,
		FLDSET(struct endpoint, media_timeout), 0, 86400);
	aco_option_register(&info, "trust_call_ids", ACO_EXACT, endpoint_types, "no", OPT_BOOL_T, 1,
		FLDSET(struct endpoint, trust_call_ids));

	if (aco_process_config(&info, 0) == ACO_PROCESS_ERROR) {
		ast_log(LOG_ERROR, "ohp.conf is missing or wrong: no call has handoffs\n");
		return -1;
	}
	return 0;
}

/* Not only when ohp.conf has changed: what it names may have. */
int settings_reload(void)
{
	if (aco_process_config(&info, 0) == ACO_PROCESS_OK) {
		ast_verb(2, "ohp.conf is in force\n");
		return 0;
	}
	ast_log(LOG_ERROR, "ohp.conf was not taken; what was in force stays so\n");
	return -1;
}

void settings_close(void)
{
	aco_info_destroy(&info);
	ao2_global_obj_release(current);
}

struct endpoint *settings_endpoint(const char *name)
{
	struct snapshot *snapshot = ao2_global_obj_ref(current);
	struct endpoint *endpoint = NULL;

	if (snapshot) {
		endpoint = ao2_find(snapshot->endpoints, name, OBJ_SEARCH_KEY);
		ao2_ref(snapshot, -1);
	}
	return endpoint;
}

struct profile *settings_profile(const char *name)
{
	struct snapshot *snapshot = ao2_global_obj_ref(current);
	struct profile *profile = NULL;

	if (snapshot) {
		profile = ao2_find(snapshot->profiles, name, OBJ_SEARCH_KEY);
		ao2_ref(snapshot, -1);
	}
	return profile;
}

void settings_each_profile(void (*visit)(const struct profile *profile, void *arg), void *arg)
{
	struct snapshot *snapshot = ao2_global_obj_ref(current);
	struct ao2_iterator each;
	struct profile *profile;

	if (!snapshot) {
		return;
	}
	each = ao2_iterator_init(snapshot->profiles, 0);
	for (; (profile = ao2_iterator_next(&each)); ao2_ref(profile, -1)) {
		visit(profile, arg);
	}
	ao2_iterator_destroy(&each);
	ao2_ref(snapshot, -1);
}
