/*
 * res_ohp: load, unload and reload of the module.
 */
#include "asterisk.h"

#include "asterisk/logger.h"
#include "asterisk/module.h"

#include "res_ohp.h"

static void close_all(void)
{
	cli_close();
	ami_close();
	dialplan_close();
	session_close();
	calls_close();
	settings_close();
}

static int load_module(void)
{
	if (ohp_abi_version() < OHP_ABI_VERSION) {
		ast_log(LOG_ERROR, "libohp has interface %u, and this module was built for %d: install the library that belongs to it\n",
			ohp_abi_version(), OHP_ABI_VERSION);
		return AST_MODULE_LOAD_DECLINE;
	}
	if (settings_init() || calls_init() || session_init() || dialplan_init() || ami_init() || cli_init()) {
		close_all();
		return AST_MODULE_LOAD_DECLINE;
	}
	return AST_MODULE_LOAD_SUCCESS;
}

/* Calls that have no handoff go on without this module. */
static int unload_module(void)
{
	session_close();
	if (calls_forget()) {
		session_init();
		return -1;
	}
	close_all();
	return 0;
}

static int reload_module(void)
{
	return settings_reload() ? AST_MODULE_LOAD_DECLINE : AST_MODULE_LOAD_SUCCESS;
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_LOAD_ORDER, "Open Handoff Protocol",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
	.reload = reload_module,
	.load_pri = AST_MODPRI_APP_DEPEND,
	.requires = "res_pjsip,res_pjsip_session,res_pjsip_ohp",
);
