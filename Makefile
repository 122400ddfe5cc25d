# make          builds build/millrace and build/millrace-bench (optimised)
# make run      builds it and serves ./srv in the foreground, as config.toml says
# make test     everything that tests; the last line is "N passed, M failed"
# make check    what CI runs: test, canary, fuzz, instructions, layers, format, tidy
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
# -g1: the lines of a stack are all that a report needs, and compile a quarter faster.
SANITISE := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LIBS     := -luring -lspdlog -lfmt -lcrypt -lsystemd -lssl -lcrypto -lz -lpthread

SERVER_SOURCES := $(wildcard core/*.cpp core/codec/*.cpp io/*.cpp net/*.cpp)
LIBRARY_SOURCES := $(filter-out net/main.cpp,$(SERVER_SOURCES))
BENCH_SOURCES := $(wildcard bench/*.cpp)
# Of the server the load generator takes the protocol, the kernel, and the conversions between them.
BENCH_PARTS := $(wildcard core/*.cpp core/codec/*.cpp io/*.cpp) net/convert.cpp
MICRO_SOURCES := $(wildcard bench/micro/*.cpp)
MICRO_PARTS := $(wildcard core/*.cpp core/codec/*.cpp)
TEST_SOURCES := $(wildcard tests/*.cpp tests/sim/*.cpp tests/live/*.cpp)
FUZZ_SOURCES := $(wildcard tests/fuzz/*_fuzz.cpp)
FUZZ_SECONDS ?= 5
ALL_SOURCES := $(SERVER_SOURCES) $(BENCH_SOURCES) $(MICRO_SOURCES) $(TEST_SOURCES) $(FUZZ_SOURCES)
ALL_HEADERS := $(wildcard core/*.hpp core/codec/*.hpp io/*.hpp net/*.hpp bench/*.hpp bench/micro/*.hpp tests/*.hpp \
                          tests/sim/*.hpp tests/live/*.hpp tests/fuzz/*.hpp)

optimised = $(patsubst %.cpp,build/obj/%.o,$(1))
sanitised = $(patsubst %.cpp,build/asan/obj/%.o,$(1))

.PHONY: all run test check canary tsan fuzz bench micro instructions instructions-update layers format format-check tidy \
        interop conformance storm test-ktls clean help packages-build packages-test packages-interop packages-check \
        packages-micro packages-ktls

all: build/millrace build/millrace-bench

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make interop      curl, lftp, rclone, ftplib, tnftp, ncftp and wget against the real binary, and Java's Commons Net,"
	@echo "                  PHP, Ruby and Perl, which it installs"
	@echo "make conformance  rows of tests/conformance.md with a passing test, by group"
	@echo "make storm SEED=n random sessions with faults on the simulated kernel"
	@echo "make canary       builds deliberate bugs, which the storm must notice"
	@echo "make test-ktls    kernel TLS under Debian's own kernel, in qemu: both backends, TLS 1.2 and 1.3"
	@echo "make tsan         the offload pool under ThreadSanitizer"
	@echo "make fuzz         each parser of core/ on libFuzzer's octets, FUZZ_SECONDS=$(FUZZ_SECONDS) each"
	@echo "make bench        Millrace and other servers on the same work: build/bench/report.html;"
	@echo "                  SCENARIO=list,small SERVERS=vsftpd,millrace-epoll ROUNDS=3 DURATION=2 narrow it down"
	@echo "                  SCENARIO=tls all rows under TLS; SCENARIO=scale cost with 100 to 10,000 sessions"
	@echo "make micro        times of the parser, replies, codecs and listing lines; ONLY=pi_ narrows it down"
	@echo "make instructions their instructions against bench/micro/instructions.txt: over 10 % more fails;"
	@echo "                  make instructions-update writes the file"
	@echo "make layers       core/ is pure, io/ knows no FTP"
	@echo "make format tidy  clang-format in place; clang-tidy"

# ---- packages: one list, several uses ----

packages-build packages-test packages-interop packages-check packages-micro packages-ktls: packages-%:
	@.ci/install-packages $*

# ---- the server ----

build/millrace: $(call optimised,$(SERVER_SOURCES))
	@echo "  link $@"
	@$(CXX) -o $@ $^ -g -pthread $(LIBS)

# ---- the load generator ----

build/millrace-bench: $(call optimised,$(BENCH_SOURCES) $(BENCH_PARTS))
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

build/asan/millrace-bench: $(call sanitised,$(BENCH_SOURCES) $(BENCH_PARTS))
	@echo "  link $@"
	@$(CXX) -o $@ $^ $(SANITISE) -g -pthread $(LIBS)

build/asan/library.a: $(call sanitised,$(LIBRARY_SOURCES) $(filter-out bench/main.cpp,$(BENCH_SOURCES)))
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

test: build/millrace build/millrace-bench build/asan/millrace build/asan/millrace-bench build/asan/tests
	@tests/run all

interop: build/millrace build/millrace-bench | packages-test packages-interop
	@tests/run interop

conformance: build/asan/millrace build/asan/millrace-bench build/asan/tests
	@tests/run conformance

storm: build/asan/tests
	MILLRACE_SEED=$(SEED) build/asan/tests "[storm]"

# Apart from `test`: most of it is fetching a kernel and, where KVM is not to be had, emulating a processor.
test-ktls: build/millrace build/millrace-bench | packages-ktls
	@tests/ktls/run

# Threads exist only in the offload pool: what shares memory is small enough to compile in one go.
tsan: | packages-build packages-test
	@mkdir -p build/tsan
	@$(CXX) $(COMMON_COMPILE) -Wno-maybe-uninitialized -O1 -fsanitize=thread -o build/tsan/tests \
	  $(wildcard io/*.cpp) tests/offload_test.cpp tests/main_test.cpp $(LIBS)
	build/tsan/tests

canary: build/asan/tests
	@CXX="$(CXX)" CXXFLAGS="$(COMMON_COMPILE) $(SANITISE)" LIBS="$(LIBS)" \
	  TEST_OBJECTS="$(call sanitised,$(TEST_SOURCES))" tests/canary

# ---- fuzzing: one target a parser, built by clang from core/ alone ----

FUZZ_CXX := clang++-19
FUZZ_FLAGS = $(STANDARD) $(DEFINES) -I. -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
fuzzed = $(patsubst %.cpp,build/fuzz/obj/%.o,$(1))
.SECONDARY: $(call fuzzed,$(FUZZ_SOURCES))

build/fuzz/obj/%.o: %.cpp | packages-build packages-check
	@mkdir -p $(@D)
	@echo "  compile $@"
	@$(CCACHE) $(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

build/fuzz/core.a: $(call fuzzed,$(wildcard core/*.cpp core/codec/*.cpp))
	@rm -f $@ && ar rcs $@ $^

build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/core.a
	@echo "  link $@"
	@$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ -lfmt -lspdlog -lcrypto -lz

# What is found is kept in build/fuzz/corpus for the next run; an input that fails is left in build/fuzz.
fuzz: $(patsubst tests/fuzz/%.cpp,build/fuzz/%,$(FUZZ_SOURCES))
	@set -e; for target in $(FUZZ_SOURCES:tests/fuzz/%_fuzz.cpp=%); do \
	  echo "fuzz: $$target"; \
	  mkdir -p build/fuzz/corpus/$$target; \
	  build/fuzz/$${target}_fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=0 -verbosity=1 \
	    -artifact_prefix=build/fuzz/$$target- build/fuzz/corpus/$$target tests/fuzz/corpus/$$target \
	    > build/fuzz/$$target.log 2>&1 || { tail -n 60 build/fuzz/$$target.log; exit 1; }; \
	  grep -E '^INFO: Seed|^Done' build/fuzz/$$target.log; \
	done

# ---- the comparison: what cannot be had is left out, and the report says so ----

bench_option = $(if $($(1)),--$(2) '$($(1))')

bench: build/millrace build/millrace-bench
	@for use in bench peers; do .ci/install-packages $$use || echo "make bench goes on without these" >&2; done
	@CXX="$(CXX)" bench/compare/run.py $(call bench_option,SCENARIO,scenario) $(call bench_option,SERVERS,servers) \
	  $(call bench_option,ROUNDS,rounds) $(call bench_option,DURATION,duration) $(call bench_option,SEED,seed) \
	  $(call bench_option,CONGESTION,congestion) $(call bench_option,TREE,tree)

# ---- micro benchmarks: times for people, instruction counts for CI ----

$(call optimised,$(MICRO_SOURCES)): | packages-micro

build/millrace-micro: $(call optimised,$(MICRO_SOURCES) $(MICRO_PARTS))
	@echo "  link $@"
	@$(CXX) -o $@ $^ -g -pthread -lbenchmark -lfmt -lspdlog -lcrypto -lz

micro: build/millrace-micro
	@build/millrace-micro $(if $(ONLY),--benchmark_filter='$(ONLY)')

instructions: build/millrace-micro
	@CXX="$(CXX)" bench/micro/instructions.py

instructions-update: build/millrace-micro
	@CXX="$(CXX)" bench/micro/instructions.py --update

# ---- checks ----

check: test canary fuzz instructions layers format-check tidy

layers:
	@tests/layers

format: | packages-check
	clang-format-19 -i $(ALL_SOURCES) $(ALL_HEADERS)

format-check: | packages-check
	@clang-format-19 --dry-run --Werror $(ALL_SOURCES) $(ALL_HEADERS)

tidy: | packages-check packages-micro
	@printf '%s\n' $(SERVER_SOURCES) $(BENCH_SOURCES) $(MICRO_SOURCES) | xargs -P 2 -I{} clang-tidy-19 --quiet --warnings-as-errors='*' {} -- $(STANDARD) $(DEFINES) -I.

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(call optimised,$(SERVER_SOURCES) $(BENCH_SOURCES) $(MICRO_SOURCES)) \
                            $(call sanitised,$(SERVER_SOURCES) $(BENCH_SOURCES) $(TEST_SOURCES)) \
                            $(call fuzzed,$(SERVER_SOURCES) $(FUZZ_SOURCES)))
