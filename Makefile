# The C library libohp: builds it, installs it, tests it.
#
#   make                            target/c/release/libohp.so and libohp.a
#   make install PREFIX=/usr/local  library, header and ohp.pc; DESTDIR= for packagers
#   make uninstall PREFIX=…
#   make check-c                    the tests in tests/c/: plain, under AddressSanitizer, and under valgrind if it is there
#
#   OHP_BACKEND=rustcrypto          for hosts under GPL version 2 only, such as Asterisk; ring otherwise
#   FEATURES=opus                   exact fingerprints of Opus legs, by the system's libopus (libopus-dev, opus-devel)
#   PROFILE=dev                     builds in a tenth of the time, runs slower

PREFIX      ?= /usr/local
LIBDIR      ?= $(PREFIX)/lib
INCLUDEDIR  ?= $(PREFIX)/include
DESTDIR     ?=
OHP_BACKEND ?= ring
FEATURES    ?=
PROFILE     ?= release
CARGO       ?= cargo
CC          ?= cc
INSTALL     ?= install
# A folder of its own: other features than the tests' would make cargo build everything twice over.
BUILD       ?= target/c

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
SONAME  := libohp.so.0
OUT     := $(BUILD)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

ifeq ($(filter $(OHP_BACKEND),ring rustcrypto),)
$(error OHP_BACKEND is ring or rustcrypto, not $(OHP_BACKEND))
endif
ifneq ($(filter-out opus,$(FEATURES)),)
$(error FEATURES is opus or nothing, not $(FEATURES))
endif

EMPTY :=
COMMA := ,
SPACE := $(EMPTY) $(EMPTY)

SHAPE := --lib --profile $(PROFILE) --target-dir $(BUILD) --no-default-features \
    --features $(subst $(SPACE),$(COMMA),$(strip ffi $(OHP_BACKEND) $(FEATURES)))
# What a program that links libohp.a needs beside it: rustc --print native-static-libs.
PRIVATE_LIBS := -lgcc_s -lpthread -lm -ldl
ifneq ($(filter opus,$(FEATURES)),)
PRIVATE_LIBS += -lopus
# Where it lies; the linker looks into the usual places by itself.
ifndef OPUS_LIB_DIR
export OPUS_LIB_DIR := $(shell pkg-config --variable=libdir opus)
ifeq ($(OPUS_LIB_DIR),)
$(error FEATURES=opus needs libopus: install libopus-dev (Debian) or opus-devel (Fedora), or set OPUS_LIB_DIR)
endif
endif
endif
# -z nodelete: a host that unloads its module must not unmap code that a thread's exit still runs.
LINK := -C link-arg=-Wl,-soname,$(SONAME) -C link-arg=-Wl,-z,nodelete -C link-arg=-Wl,-z,defs

.PHONY: all shared static install uninstall check-c clean-c

all: shared static

# One crate type at a time: cargo drops link-time optimisation without a word when it builds several in one go.
shared:
	$(CARGO) rustc $(SHAPE) --crate-type cdylib -- $(LINK)

static:
	$(CARGO) rustc $(SHAPE) --crate-type staticlib

$(BUILD)/ohp.pc: ohp.pc.in Cargo.toml Makefile FORCE
	@mkdir -p $(BUILD)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@PRIVATE_LIBS@|$(PRIVATE_LIBS)|' ohp.pc.in > $@

.PHONY: FORCE
FORCE:

install: all $(BUILD)/ohp.pc
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 755 $(OUT)/libohp.so $(DESTDIR)$(LIBDIR)/libohp.so.$(VERSION)
	ln -sf libohp.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libohp.so
	$(INSTALL) -m 644 $(OUT)/libohp.a $(DESTDIR)$(LIBDIR)/libohp.a
	$(INSTALL) -m 644 include/ohp.h $(DESTDIR)$(INCLUDEDIR)/ohp.h
	$(INSTALL) -m 644 $(BUILD)/ohp.pc $(DESTDIR)$(LIBDIR)/pkgconfig/ohp.pc

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/libohp.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/libohp.so
	rm -f $(DESTDIR)$(LIBDIR)/libohp.a $(DESTDIR)$(INCLUDEDIR)/ohp.h $(DESTDIR)$(LIBDIR)/pkgconfig/ohp.pc

CHECK       := $(BUILD)/check
TEST_SRC    := $(sort $(wildcard tests/c/*.c))
TEST_CFLAGS := -std=c11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -Iinclude
VALGRIND    ?= $(shell command -v valgrind)

$(CHECK)/plain: static $(TEST_SRC) $(wildcard tests/c/*.h) include/ohp.h
	@mkdir -p $(CHECK)
	$(CC) $(TEST_CFLAGS) -o $@ $(TEST_SRC) $(OUT)/libohp.a $(PRIVATE_LIBS)

$(CHECK)/asan: static $(TEST_SRC) $(wildcard tests/c/*.h) include/ohp.h
	@mkdir -p $(CHECK)
	$(CC) $(TEST_CFLAGS) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	    -o $@ $(TEST_SRC) $(OUT)/libohp.a $(PRIVATE_LIBS)

# Its malloc is its own.
$(CHECK)/memory: static tests/c_memory/failing.c tests/c/side.c tests/c/data.c $(wildcard tests/c/*.h) include/ohp.h
	@mkdir -p $(CHECK)
	$(CC) $(TEST_CFLAGS) -o $@ $(filter %.c,$^) $(OUT)/libohp.a $(PRIVATE_LIBS)

# The test of the stack looks at what threads have left on theirs, which valgrind cannot but find wrong.
check-c: $(CHECK)/plain $(CHECK)/asan $(CHECK)/memory
	$(CHECK)/plain
	$(CHECK)/memory
	$(CHECK)/asan
	$(if $(VALGRIND),$(VALGRIND) --quiet --fair-sched=yes --error-exitcode=1 --leak-check=full \
	    --errors-for-leak-kinds=definite $(CHECK)/plain without stack,@echo 'valgrind is not here: its run is skipped')

clean-c:
	rm -rf $(BUILD)
