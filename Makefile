# A menu; CMakeLists.txt is the truth. `make` alone prints it.
JOBS ?= $(shell nproc)
SHARED ?= ../shared
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600

PACKAGES = g++ cmake make libxsimd-dev libstb-dev libcli11-dev nlohmann-json3-dev catch2
CLANG_PACKAGES = clang-14 libclang-rt-14-dev
TIDY_PACKAGES = $(CLANG_PACKAGES) clang-tidy-14 clang-format-14
CLANG = -DCMAKE_CXX_COMPILER=clang++-14
MPI_PACKAGES = libopenmpi-dev openmpi-bin procps
AARCH64_PACKAGES = g++-aarch64-linux-gnu qemu-user
# Light optimisation and line numbers: fast to compile, and what a sanitizer prints can be read.
CHECKED = -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O1 -g1'
comma = ,
space = $() $()
CONFIGURE = cmake -S . -DRF_SHARED='$(abspath $(SHARED))'
# A build of its own, whose jobs JOBS counts; -j of this make only chooses among the targets below.
BUILD = env -u MAKELEVEL -u MAKEFLAGS -u MFLAGS cmake --build

.DELETE_ON_ERROR:
.PHONY: help demo test build mpi static install bench bench-ops weights bench-training bench-peers fit check fmt tidy asan asan-core tsan fuzz valgrind emulate aarch64 \
  clean packages clang-packages tidy-packages mpi-packages configure

help:
	@echo 'make demo [PHOTO=path]             finds faces in a photograph and draws them: demo.png'
	@echo 'make test                          packages, build, all tests'
	@echo 'make build                         packages, build: build/retinaface'
	@echo 'make mpi                           build/mpi/retinaface: trains in processes that mpirun starts; tests it'
	@echo 'make static                        packages, build/static/retinaface: detection in one file that needs no other'
	@echo 'make install [PREFIX=/usr/local]   program, library, header, CMake package'
	@echo 'make bench [PHOTO=path]            times on this machine: every instruction set, thread count and size; or each stage of PHOTO'
	@echo "make bench-ops [OPS_FLAGS='..']    every kernel on shapes of the networks (--isa, --threads, --filter)"
	@echo 'make fit [PHOTO=path]              a small network learns a picture; how, is drawn: fit.png'
	@echo 'make weights [RUN=runs/light]      trains the weights that ship, from $$(SHARED)/data; an interrupted run goes on'
	@echo 'make bench-training                training steps in turn with PyTorch, on the same network'
	@echo 'make bench-peers [PEERS=$(PEERS)]'
	@echo '                                   the network in turn with other runtimes, on the same weights'
	@echo 'make check                         format, include arrows, symbols of the instruction sets, the installed tree'
	@echo 'make fmt                           lays out every source file (clang-format 14)'
	@echo 'make tidy                          clang-tidy 14'
	@echo 'make asan                          core tests with address and undefined-behaviour sanitizers; asan-core: without the'
	@echo '                                   command line, sooner'
	@echo 'make tsan                          core tests with the thread sanitizer'
	@echo 'make fuzz [FUZZ_SECONDS=600]       every parser under libFuzzer (clang), two at a time'
	@echo 'make valgrind                      core tests under memcheck (slow)'
	@echo 'make emulate                       the program on emulated CPUs without AVX, without AVX-512'
	@echo 'make aarch64                       cross-compiles for 64-bit ARM, runs core tests emulated'
	@echo 'make clean                         removes the build folders'
	@echo 'Options: JOBS=$(JOBS) compilers at once, SHARED=$(SHARED) golden values and data for the tests,'
	@echo '         MODEL=path for demo and the benchmarks, in place of the built-in model'

# $(call install,packages): through apt-get, those that are not there yet; nothing happens when all are.
AS_ROOT = $$([ $$(id -u) -eq 0 ] || echo sudo)
define install
@missing=; for package in $(1); do \
  dpkg-query -W -f='$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ] && ! command -v apt-get > /dev/null; then \
  echo "Not a Debian system: these packages, or what they hold, are needed:$$missing" >&2; \
elif [ -n "$$missing" ]; then \
  echo "Installing$$missing"; \
  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get -q update && \
  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $$missing; \
fi
endef

packages:
	$(call install,$(PACKAGES))
clang-packages: packages
	$(call install,$(CLANG_PACKAGES))
tidy-packages: clang-packages
	$(call install,$(TIDY_PACKAGES))
mpi-packages: packages
	$(call install,$(MPI_PACKAGES))

configure: packages
	$(CONFIGURE) -B build -DCMAKE_BUILD_TYPE=Release
build: configure
	$(BUILD) build --parallel $(JOBS)

# What ctest leaves out when a test passes: the parts that were skipped because outside data is absent.
test: build
	ctest --test-dir build --output-on-failure --parallel $(JOBS)
	@echo "Parts of tests skipped: $$(grep -c '^skipped: ' build/Testing/Temporary/LastTest.log)" \
	  "(build/Testing/Temporary/LastTest.log names them)"

check: build
	ctest --test-dir build --output-on-failure --label-regex check
emulate: build
	$(call install,qemu-user)
	ctest --test-dir build --output-on-failure --tests-regex old_cpu

install: build
	cmake --install build --prefix '$(PREFIX)'

mpi: mpi-packages
	$(CONFIGURE) -B build -DCMAKE_BUILD_TYPE=Release -DRF_MPI=ON
	$(BUILD) build --parallel $(JOBS) --target retinaface_mpi
	ctest --test-dir build --output-on-failure --tests-regex '^mpi$$'

static: configure
	$(BUILD) build --parallel $(JOBS) --target retinaface_static
	@ls -l build/static/retinaface

# A model that cannot be read is told before anything is built.
ifneq (,$(and $(filter demo bench,$(MAKECMDGOALS)),$(MODEL)))
  ifneq (yes,$(shell [ -r '$(MODEL)' ] && echo yes))
    $(error MODEL=$(MODEL) cannot be read)
  endif
endif
model_flag = $(if $(MODEL),--model '$(MODEL)')

demo_photo = $(or $(PHOTO),build/photos/astronaut.png)
demo: build $(if $(PHOTO),,build/photos/astronaut.png)
	build/retinaface detect '$(demo_photo)' $(model_flag) --draw demo.png --overwrite

bench: build
	build/retinaface bench $(model_flag) $(if $(PHOTO),'$(PHOTO)')

# One file of a Debian package, without the packages that it would bring along (docs/images/README.md: source, licence).
photo_download = apt-get -q -o APT::Sandbox::User=root download python3-skimage
photo_in_package = usr/lib/python3/dist-packages/skimage/data/astronaut.png
build/photos/astronaut.png: | packages
	@mkdir -p $(@D)
	cd $(@D) && { $(photo_download) || { $(AS_ROOT) apt-get -q update && $(photo_download); }; }
	dpkg-deb --fsys-tarfile $(@D)/python3-skimage_*.deb | tar -x -O ./$(photo_in_package) > $@
	rm $(@D)/python3-skimage_*.deb

bench-ops: configure
	$(BUILD) build --parallel $(JOBS) --target bench_ops
	build/bench_ops $(OPS_FLAGS)

fit: configure $(if $(PHOTO),,build/photos/astronaut.png)
	$(BUILD) build --parallel $(JOBS) --target fit_picture
	build/fit_picture '$(demo_photo)' --out fit.png

# The training of weights/retinaface_mobilenet0.25.safetensors in four stages, each from the end of the one before; its card
# tells what came out. $(call stage,name,weights to begin with,flags): goes on where it was interrupted, and does nothing when
# it had ended.
RUN ?= runs/light
TEACHER = $(SHARED)/weights/mobilenet0.25_Final.pth
stage = if ls '$(RUN)/$(1)'/checkpoint-* > /dev/null 2>&1; then build/retinaface train --resume '$(RUN)/$(1)'; else \
	build/retinaface train --data '$(SHARED)/data/wider/train' --data '$(SHARED)/data/mtfl_mosaic' --out '$(RUN)/$(1)' \
	  --init '$(2)' --teacher '$(TEACHER)' --batch 16 --size 320,448,640 --min-face 7 --positive-iou 0.4 --freeze 0 \
	  --schedule cosine --ema 0.999 --validate-every 2 --log-every 50 --cache-mb 4000 $(3); fi
weights: build
	$(call stage,a,$(SHARED)/weights/mobilenetV1X0.25_pretrain.tar,--epochs 34 --box-weight 0.5 --clip 10 --crop 0.35$(comma)1.4 --warm-up 1)
	$(call stage,b,$(RUN)/a/last.safetensors,--epochs 32 --lr 1e-2 --seed 2 --teacher-features 20 \
	  --box-weight 2 --landmark-weight 1 --clip 20 --crop 0.15$(comma)1.4 --warm-up 0.5)
	$(call stage,c,$(RUN)/b/last.safetensors,--epochs 32 --lr 1e-2 --seed 4 --teacher-features 50 \
	  --box-weight 2 --landmark-weight 1 --clip 50 --crop 0.15$(comma)1.4 --warm-up 0.5)
	$(call stage,d,$(RUN)/c/last.safetensors,--epochs 24 --lr 1e-2 --seed 5 --teacher-features 80 \
	  --box-weight 2 --landmark-weight 1.5 --clip 80 --crop 0.15$(comma)1.4 --warm-up 0.5)

bench-training: configure
	$(call install,python3-torch)
	$(BUILD) build --parallel $(JOBS) --target training_step
	python3 bench/training/compare.py build/training_step

# onnxruntime-node brings its library along; its install script would fetch one for a graphics card.
PEERS ?= onnxruntime,opencv,pytorch
bench-peers: build
	$(call install,python3-numpy python3-onnx $(if $(findstring opencv,$(PEERS)),python3-opencv) \
	  $(if $(findstring pytorch,$(PEERS)),python3-torch) \
	  $(if $(findstring onnxruntime,$(PEERS)),$(if $(shell command -v npm),,nodejs npm)))
	$(if $(findstring onnxruntime,$(PEERS)),[ -d build/peers/node_modules/onnxruntime-node ] || \
	  npm install --prefix build/peers --ignore-scripts onnxruntime-node)
	/usr/bin/python3 bench/peers/compare.py build/retinaface --onnxruntime build/peers --peers '$(PEERS)' \
	  $(if $(MODEL),--model '$(MODEL)')

fmt: tidy-packages
	tests/checks/format.sh --fix

tidy: tidy-packages
	$(CONFIGURE) -B build-tidy $(CLANG) $(CHECKED) -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON
	run-clang-tidy-14 -quiet -p build-tidy -j $(JOBS) \
	  '$(CURDIR)/(engine|autograd|layers|weights|retinaface)/.*\.cpp$$'

# asan-core: without the command line, whose libraries take long to compile.
asan asan-core: packages
	$(CONFIGURE) -B build-$@ $(CHECKED) -DRF_SANITIZE=address,undefined $(if $(filter asan-core,$@),-DRF_BUILD_CLI=OFF)
	$(BUILD) build-$@ --parallel $(JOBS)
	ctest --test-dir build-$@ --output-on-failure --label-regex core --parallel $(JOBS)

tsan: packages
	$(CONFIGURE) -B build-tsan $(CHECKED) -DRF_SANITIZE=thread
	$(BUILD) build-tsan --parallel $(JOBS)
	RF_THREADS=4 ctest --test-dir build-tsan --output-on-failure --label-regex core

fuzz: clang-packages
	$(CONFIGURE) -B build-fuzz $(CLANG) $(CHECKED) -DRF_FUZZ=ON
	$(BUILD) build-fuzz --parallel $(JOBS) --target fuzzers
	tests/fuzz/run.sh build-fuzz $(FUZZ_SECONDS)

# One test counts allocations by an operator new of its own, which memcheck replaces, and a delete that the compiler inlines.
valgrind: build
	$(call install,valgrind)
	@set -e; for program in build/tests/*_tests; do \
	  echo "$$program"; \
	  RF_THREADS=1 valgrind --quiet --error-exitcode=1 --show-mismatched-frees=no --leak-check=full --errors-for-leak-kinds=definite "$$program"; \
	done

# The program of this machine is what the emulated one is compared with.
AARCH64_TESTS = engine ops autograd layers weights retinaface
aarch64: configure
	$(call install,$(AARCH64_PACKAGES))
	$(CONFIGURE) -B build-aarch64 -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake
	$(BUILD) build --parallel $(JOBS) --target retinaface_cli
	$(BUILD) build-aarch64 --parallel $(JOBS) --target retinaface_cli $(AARCH64_TESTS:%=%_tests)
	ctest --test-dir build-aarch64 --output-on-failure --timeout 3600 --tests-regex '^($(subst $(space),|,$(AARCH64_TESTS))|isa_leak|aarch64)$$'

clean:
	rm -rf build build-asan build-asan-core build-tsan build-fuzz build-tidy build-aarch64
