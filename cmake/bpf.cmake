# SPDX-License-Identifier: Apache-2.0
# sockwarden_bpf_object(TARGET SOURCE): compiles a BPF program with clang into TARGET.bpf.o in the current build folder,
# and makes a target of that name. The build needs no BTF of the machine.
find_program(SOCKWARDEN_CLANG NAMES clang clang-16 clang-14 REQUIRED)

function(sockwarden_bpf_object target source)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.bpf.o)
  get_filename_component(folder ${source} DIRECTORY)
  file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.h ${PROJECT_SOURCE_DIR}/catalog/*.def)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${SOCKWARDEN_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror
            -Wno-unused-parameter -Wno-unused-function -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -c ${source} -o ${object}
    DEPENDS ${source} ${headers}
    COMMENT "Compiling BPF ${target}"
    VERBATIM)
  add_custom_target(${target}_bpf DEPENDS ${object})
  set_target_properties(${target}_bpf PROPERTIES BPF_OBJECT ${object})
endfunction()
