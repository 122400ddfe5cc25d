# make          builds build/millrace (optimised)
# make run      builds it and serves ./srv in the foreground, as config.toml says
# make test     everything that tests; the last line is "N passed, M failed"
# make check    what CI runs: test, layers, format, tidy
# make help     lists the rest
# Missing Debian packages are installed when root; otherwise the apt-get line is printed.

SHELL := /bin/bash
CXX := g++
CCACHE := $(shell command -v ccache 2>/dev/null)
PACKAGES := .ci/packages

STANDARD := -std=c++23
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror
DEFINES  := -DSPDLOG_FMT_EXTERNAL -DSPDLOG_COMPILED_LIB -DFMT_SHARED -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE
COMMON_COMPILE = $(STANDARD) $(WARNINGS) $(DEFINES) -I. -g -pthread
COMMON    = $(COMMON_COMPILE) -MMD -MP
OPTIMISE := -O2
SANITISE := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LIBS     := -luring -lspdlog -lfmt -lcrypt -lsystemd -lpthread

SERVER_SOURCES := $(wildcard core/*.cpp core/codec/*.cpp io/*.cpp net/*.cpp)
LIBRARY_SOURCES := $(filter-out net/main.cpp,$(SERVER_SOURCES))
TEST_SOURCES := $(wildcard tests/*.cpp tests/sim/*.cpp tests/live/*.cpp)
ALL_SOURCES := $(SERVER_SOURCES) $(TEST_SOURCES)
ALL_HEADERS := $(wildcard core/*.hpp core/codec/*.hpp io/*.hpp net/*.hpp tests/*.hpp tests/sim/*.hpp tests/live/*.hpp)

optimised = $(patsubst %.cpp,build/obj/%.o,$(1))
sanitised = $(patsubst %.cpp,build/asan/obj/%.o,$(1))

.PHONY: all run test check canary tsan layers format format-check tidy interop conformance storm clean help \
        packages-build packages-test packages-check

all: build/millrace

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make interop      curl, lftp, ftplib, tnftp, ncftp and wget against the real binary"
	@echo "make conformance  rows of tests/conformance.md with a passing test, by group"
	@echo "make storm SEED=n random sessions with faults on the simulated kernel"
	@echo "make canary       builds deliberate bugs, which the storm must notice"
	@echo "make tsan         the offload pool under ThreadSanitizer"
	@echo "make layers       core/ is pure, io/ knows no FTP"
	@echo "make format tidy  clang-format in place; clang-tidy"

# ---- packages: one list, three uses ----

packages-build packages-test packages-check: packages-%:
	@.ci/install-packages $*

# ---- the server ----

build/millrace: $(call optimised,$(SERVER_SOURCES))
	@echo "  link $@"
	@$(CXX) -o $@ $^ -g -pthread $(LIBS)

build/obj/%.o: %.cpp | packages-build
	@mkdir -p $(@D)
	@echo "  compile $@"
	@$(CCACHE) $(CXX) $(COMMON) $(OPTIMISE) -c -o $@ $<

run: build/millrace
	@[ -d srv ] || { mkdir srv && echo 'Served by Millrace. Put your files here.' > srv/welcome.txt; }
	build/millrace serve --config config.toml

# ---- tests: the same sources under ASan and UBSan ----

build/asan/millrace: $(call sanitised,$(SERVER_SOURCES))
	@echo "  link $@"
	@$(CXX) -o $@ $^ $(SANITISE) -g -pthread $(LIBS)

build/asan/library.a: $(call sanitised,$(LIBRARY_SOURCES))
	@rm -f $@ && ar rcs $@ $^

build/asan/tests: $(call sanitised,$(TEST_SOURCES)) build/asan/library.a
	@echo "  link $@"
	@$(CXX) -o $@ $^ $(SANITISE) -g -pthread $(LIBS)

# Catch2's main is not what is tested: it compiles faster so, and without g++ 12's false warnings in <regex>.
build/asan/obj/tests/main_test.o: SANITISE = -O0

build/asan/obj/%.o: %.cpp | packages-build packages-test
	@mkdir -p $(@D)
	@echo "  compile $@"
	@$(CCACHE) $(CXX) $(COMMON) $(SANITISE) -c -o $@ $<

test: build/millrace build/asan/millrace build/asan/tests
	@tests/run all

interop: build/millrace
	@tests/run interop

conformance: build/asan/millrace build/asan/tests
	@tests/run conformance

storm: build/asan/tests
	MILLRACE_SEED=$(SEED) build/asan/tests "[storm]"

# Threads exist only in the offload pool: what shares memory is small enough to compile in one go.
tsan: | packages-build packages-test
	@mkdir -p build/tsan
	@$(CXX) $(COMMON_COMPILE) -Wno-maybe-uninitialized -O1 -fsanitize=thread -o build/tsan/tests \
	  $(wildcard io/*.cpp) tests/offload_test.cpp tests/main_test.cpp $(LIBS)
	build/tsan/tests

canary: build/asan/tests
	@CXX="$(CXX)" CXXFLAGS="$(COMMON_COMPILE) $(SANITISE)" LIBS="$(LIBS)" \
	  TEST_OBJECTS="$(call sanitised,$(TEST_SOURCES))" tests/canary

# ---- checks ----

check: test layers format-check tidy

layers:
	@tests/layers

format: | packages-check
	clang-format-19 -i $(ALL_SOURCES) $(ALL_HEADERS)

format-check: | packages-check
	@clang-format-19 --dry-run --Werror $(ALL_SOURCES) $(ALL_HEADERS)

tidy: | packages-check
	@printf '%s\n' $(SERVER_SOURCES) | xargs -P 2 -I{} clang-tidy-19 --quiet --warnings-as-errors='*' {} -- $(STANDARD) $(DEFINES) -I.

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(call optimised,$(SERVER_SOURCES)) $(call sanitised,$(ALL_SOURCES)))
