/* The symbols of Kamailio's other parts that its parsers refer to. None of them is called while a row is measured, but
 * for get_debug_level: errors alone are logged, and nowhere. */
#include <stdarg.h>
#include <core/dprint.h>
#include <core/ip_addr.h>
#include <core/globals.h>
#include <core/cfg_core.h>
#include <core/mem/shm.h>

volatile int dprint_crit = 0;
int my_pid_number = 1;
int process_no = 0;
int log_stderr = 0;
int log_color = 0;
str *log_prefix_val = NULL;
char *cfg_file = "";
void *core_cfg = NULL;
int phone2tel = 1;
int ser_error = -1;
ksr_slog_f _ksr_slog_func = NULL;
struct log_level_info log_level_info[16];
sr_shm_api_t _shm_root;

int my_pid(void) { return my_pid_number; }
int get_debug_level(char *module, int len) { (void)module, (void)len; return L_ERR; }
int get_debug_facility(char *module, int len) { (void)module, (void)len; return 0; }
void dprint_color(int level) { (void)level; }
void dprint_color_reset(void) { }
static void quiet(int facility, const char *format, ...) { (void)facility, (void)format; }
km_log_f _km_log_func = quiet;
