/* Counts the instructions that an emulated program executes, and prints the number at its end: a plug-in of QEMU's user
   emulation (Debian: qemu-user 7.2).

       gcc -O2 -fPIC -shared -o count.so tests/benchmarks/count_instructions.c
       qemu-aarch64 -cpu cortex-a72 -d plugin -plugin ./count.so PROGRAM

   In a folder with arm64 Debian and without /sys (`chroot`; see tests/integration/processors/test_arm64.py): there ONNX
   Runtime does not see this machine's processors. A window's share is the difference of two runs. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#define EXPORT __attribute__((visibility("default")))
struct qemu_plugin_tb;
typedef uint64_t plugin_id;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
EXPORT int qemu_plugin_version = 1;
static uint64_t executed;
static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &executed, qemu_plugin_tb_n_insns(block));
}
static void ended(plugin_id id, void *data)
{
    (void)id, (void)data;
    fprintf(stderr, "instructions %" PRIu64 "\n", executed);
}
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
