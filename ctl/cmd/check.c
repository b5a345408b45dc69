// SPDX-License-Identifier: GPL-2.0-only
/* lodge check: can this host run VMs and containers, and if not, why not? */
#include "cmd/cmd.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd/check.h"
#include "json.h"
#include "vmm/vm.h"

#define MSR_FEATURE_CONTROL	0x3a
#define MSR_VM_CR		0xc0010114
#define FEATURE_CONTROL_LOCKED	(1ULL << 0)
#define FEATURE_CONTROL_VMX	(1ULL << 2)
#define VM_CR_SVM_DISABLED	(1ULL << 4)

static const char *const verdict_names[] = { "ok", "warn", "no" };

struct finding *check_add(struct report *report, unsigned int needed_for,
			  const char *requirement, enum verdict verdict,
			  const char *fmt, ...)
{
	static struct finding not_wanted;
	struct finding *finding = &not_wanted;
	va_list args;

	if (needed_for & report->wanted && report->count < MAX_FINDINGS)
		finding = &report->findings[report->count++];
	finding->requirement = requirement;
	finding->needed_for = needed_for;
	finding->verdict = verdict;
	finding->remedy[0] = '\0';
	va_start(args, fmt);
	vsnprintf(finding->reason, sizeof(finding->reason), fmt, args);
	va_end(args);
	return finding;
}

void check_remedy(struct finding *finding, const char *text)
{
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", text);
}

/* Looking at the host */

bool check_read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count;

	line[0] = '\0';
	if (fd < 0)
		return false;
	count = read(fd, line, size - 1);
	close(fd);
	if (count < 0)
		return false;
	line[count] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

bool check_file_has_word(const char *path, const char *prefix, const char *word)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(word);
	char *line = NULL;
	bool found = false;
	size_t size = 0;

	if (!file)
		return false;
	while (!found && getline(&line, &size, file) >= 0) {
		const char *at = line;

		if (strncmp(line, prefix, strlen(prefix)))
			continue;
		while (!found && (at = strstr(at, word))) {
			bool begins = at == line || strchr(" \t:", at[-1]);

			found = begins && strchr(" \t\n", at[length]);
			at += length;
		}
	}
	free(line);
	fclose(file);
	return found;
}

static bool cpu_flag(const char *flag)
{
	return check_file_has_word("/proc/cpuinfo", "flags", flag) ||
	       check_file_has_word("/proc/cpuinfo", "vmx flags", flag);
}

bool check_module_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return !access(path, F_OK);
}

bool check_module_available(const char *name)
{
	char path[256], word[64];
	struct utsname uts;
	FILE *file;
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (uname(&uts))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", uts.release);
	snprintf(word, sizeof(word), "/%s.ko", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &size, file) >= 0) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, word);
	}
	free(line);
	fclose(file);
	return found;
}

/* Without the msr module this is not known. */
static bool read_msr(uint32_t index, uint64_t *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = pread(fd, value, sizeof(*value), index) == sizeof(*value);
	close(fd);
	return done;
}

/* Virtual machines: the processor */

struct cpu {
	bool svm;
	bool vmx;
	bool nested_paging;
	unsigned int asids;
};

static struct cpu look_at_cpu(void)
{
	unsigned int eax, ebx, ecx, edx;
	struct cpu cpu = { false, false, false, 0 };

	if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx))
		cpu.svm = ecx & (1U << 2);
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		cpu.vmx = ecx & (1U << 5);
	if (cpu.svm && __get_cpuid(0x8000000a, &eax, &ebx, &ecx, &edx)) {
		cpu.nested_paging = edx & 1;
		cpu.asids = ebx;
	}
	/* VMX tells of EPT in an MSR, which only the kernel can read for sure. */
	if (cpu.vmx)
		cpu.nested_paging = cpu_flag("ept");
	return cpu;
}

static void check_firmware(struct report *report, const struct cpu *cpu)
{
	const char *flag = cpu->svm ? "svm" : "vmx";
	const char *requirement = "enabled in the firmware";
	uint64_t msr;
	bool known = false, disabled = false;

	if (cpu->svm && read_msr(MSR_VM_CR, &msr)) {
		known = true;
		disabled = msr & VM_CR_SVM_DISABLED;
	} else if (cpu->vmx && read_msr(MSR_FEATURE_CONTROL, &msr)) {
		known = true;
		disabled = msr & FEATURE_CONTROL_LOCKED &&
			   !(msr & FEATURE_CONTROL_VMX);
	}
	if (disabled || (!known && !cpu_flag(flag)))
		check_remedy(check_add(report, FOR_VM, requirement, VERDICT_NO,
				       "the firmware has switched %s off",
				       cpu->svm ? "SVM" : "VMX"),
			     cpu->svm ? "switch on 'SVM Mode' or 'AMD-V' in the firmware's setup" :
			     "switch on 'VT-x' in the firmware's setup");
	else
		check_add(report, FOR_VM, requirement, VERDICT_OK, "%s",
			  known ? "yes" : "as far as the kernel tells");
}

static void check_cpu(struct report *report)
{
	struct cpu cpu = look_at_cpu();

	if (!cpu.svm && !cpu.vmx) {
		check_remedy(check_add(report, FOR_VM, "CPU virtualization", VERDICT_NO,
				       "the CPU shows neither SVM nor VMX"),
			     "switch it on in the firmware's setup, or in the hypervisor's that this host runs under");
		return;
	}
	check_add(report, FOR_VM, "CPU virtualization", VERDICT_OK, "%s",
		  cpu.svm ? "SVM (AMD)" : "VMX (Intel)");
	if (cpu.nested_paging)
		check_add(report, FOR_VM, "nested paging", VERDICT_OK, "%s",
			  cpu.svm ? "NPT" : "EPT");
	else
		check_remedy(check_add(report, FOR_VM, "nested paging", VERDICT_NO,
				       "the CPU does not have it"),
			     "use another host: lodge does not run VMs without");
	check_firmware(report, &cpu);
}

/* Virtual machines: the module */

static void check_loading(struct report *report, unsigned int needed_for)
{
	char line[128];
	struct finding *finding;

	if (check_module_loaded("lodge")) {
		check_add(report, needed_for, "module lodge", VERDICT_OK, "loaded");
		return;
	}
	finding = check_add(report, needed_for, "module lodge", VERDICT_NO, "not loaded");
	check_remedy(finding, check_module_available("lodge") ? "modprobe lodge" :
		     "build it with 'make modules', then insmod lodge.ko");
	if (check_read_line("/proc/sys/kernel/modules_disabled", line, sizeof(line)) &&
	    line[0] == '1') {
		snprintf(finding->reason, sizeof(finding->reason),
			 "not loaded, and kernel.modules_disabled is 1");
		check_remedy(finding, "reboot: it cannot be switched back");
	} else if (check_read_line("/sys/kernel/security/lockdown", line, sizeof(line)) &&
		   line[0] && !strstr(line, "[none]")) {
		snprintf(finding->reason, sizeof(finding->reason),
			 "not loaded, and the kernel is locked down: it takes signed modules only");
		check_remedy(finding, "sign lodge.ko with an enrolled key, or switch secure boot off");
	}
}

/* Return: a descriptor of /dev/lodge, or -1 */
static int check_device(struct report *report, unsigned int needed_for)
{
	struct error error;
	int fd = lodge_open(&error);

	if (fd >= 0)
		check_add(report, needed_for, LODGE_DEVICE, VERDICT_OK, "can be opened");
	else
		check_remedy(check_add(report, needed_for, LODGE_DEVICE, VERDICT_NO, "%s",
				       error.text), error.advice);
	return fd;
}

static void feature_names(uint64_t features, char *text, size_t size)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} names[] = {
		{ LODGE_FEATURE_NEXT_RIP, "next-rip" },
		{ LODGE_FEATURE_DECODE_ASSISTS, "decode-assists" },
		{ LODGE_FEATURE_CLEAN_BITS, "clean-bits" },
		{ LODGE_FEATURE_FLUSH_BY_ASID, "flush-by-asid" },
		{ LODGE_FEATURE_HUGE_1G, "1g-pages" },
		{ LODGE_FEATURE_VIRTUAL_SPEC_CTRL, "spec-ctrl" },
		{ LODGE_FEATURE_PAUSE_FILTER, "pause-filter" },
		{ LODGE_FEATURE_VPID, "vpid" },
		{ LODGE_FEATURE_FLUSH_BY_EPT, "flush-by-ept" },
		{ LODGE_FEATURE_NPT_AD, "ept-ad" },
		{ LODGE_FEATURE_WBINVD_EXIT, "wbinvd-exit" },
		{ LODGE_FEATURE_RDTSCP, "rdtscp" },
		{ LODGE_FEATURE_INVPCID, "invpcid" },
		{ LODGE_FEATURE_PREEMPTION_TIMER, "preemption-timer" },
		{ LODGE_FEATURE_TSC_SCALING, "tsc-scaling" },
		{ LODGE_FEATURE_XSAVES, "xsaves" },
		{ LODGE_FEATURE_LOAD_PAT, "pat" },
		{ LODGE_FEATURE_STEP, "step" },
	};
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(features & names[i].bit))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s",
					 used ? ", " : "", names[i].name);
		if (used >= size)
			return;
	}
	if (!used)
		snprintf(text, size, "none");
}

static void check_info(struct report *report, int fd)
{
	struct lodge_info info = { .size = sizeof(info) };
	struct finding *finding;
	char features[256];
	bool amd;

	if (ioctl(fd, LODGE_GET_INFO, &info)) {
		check_remedy(check_add(report, FOR_VM, "module's answer", VERDICT_NO,
				       "LODGE_GET_INFO: %s", strerror(errno)),
			     "load the module of this version of lodge");
		return;
	}
	info.reason[sizeof(info.reason) - 1] = '\0';
	amd = look_at_cpu().svm;
	if (info.vm_error) {
		finding = check_add(report, FOR_VM, "root mode", VERDICT_NO, "%s",
				    info.reason[0] ? info.reason :
				    strerror(info.vm_error < 0 ? -info.vm_error :
					     info.vm_error));
		if (info.vm_error == EBUSY || info.vm_error == -EBUSY)
			check_remedy(finding, amd ?
				     "rmmod kvm_amd kvm, or boot with kvm.enable_virt_at_load=0" :
				     "rmmod kvm_intel kvm, or boot with kvm.enable_virt_at_load=0");
		else
			check_remedy(finding, "see the lines above");
		return;
	}
	check_add(report, FOR_VM, "root mode", VERDICT_OK, "free; the module uses %s",
		  info.vendor == LODGE_VENDOR_SVM ? "SVM" :
		  info.vendor == LODGE_VENDOR_VMX ? "VMX" : "an unknown extension");
	feature_names(info.features, features, sizeof(features));
	check_add(report, FOR_VM, "CPU extras", VERDICT_OK, "%s", features);
	check_add(report, FOR_VM, "limits of a VM", VERDICT_OK,
		  "%u CPUs, %u address bits, %u ASIDs, TSC %u.%03u MHz",
		  info.max_vcpus, info.phys_bits, info.nr_asids,
		  info.tsc_khz / 1000, info.tsc_khz % 1000);
}

/*
 * From 6.12 on KVM takes root mode when it is loaded, unless told otherwise;
 * before, while it has guests.
 */
static void check_kvm(struct report *report)
{
	const char *vendor = check_module_loaded("kvm_amd") ? "kvm_amd" :
			     check_module_loaded("kvm_intel") ? "kvm_intel" : NULL;
	char line[16], text[64];

	if (!vendor) {
		check_add(report, FOR_VM, "KVM is out of the way", VERDICT_OK, "not loaded");
		return;
	}
	if (!check_read_line("/sys/module/kvm/parameters/enable_virt_at_load", line,
			     sizeof(line)) || line[0] == 'N') {
		check_add(report, FOR_VM, "KVM is out of the way", VERDICT_WARN,
			  "%s is loaded; while it has guests, lodge cannot have any",
			  vendor);
		return;
	}
	snprintf(text, sizeof(text),
		 "rmmod %s kvm, or boot with kvm.enable_virt_at_load=0", vendor);
	check_remedy(check_add(report, FOR_VM, "KVM is out of the way", VERDICT_WARN,
			       "%s is loaded, and holds root mode all the time", vendor),
		     text);
}

/* Printing */

static bool possible(const struct report *report, unsigned int what)
{
	unsigned int i;

	for (i = 0; i < report->count; i++)
		if (report->findings[i].needed_for & what &&
		    report->findings[i].verdict == VERDICT_NO)
			return false;
	return true;
}

static void print_table(const struct report *report)
{
	int width = 0, reason_width = 0;
	unsigned int i;

	for (i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		int length = (int)strlen(finding->requirement);

		if (length > width)
			width = length;
		length = (int)strlen(finding->reason);
		if (finding->remedy[0] && length > reason_width)
			reason_width = length;
	}
	for (i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		printf("%-4s  %-*s  ", verdict_names[finding->verdict], width,
		       finding->requirement);
		if (finding->remedy[0])
			printf("%-*s  -> %s\n", reason_width, finding->reason,
			       finding->remedy);
		else
			printf("%s\n", finding->reason);
	}
}

static void print_json(const struct report *report)
{
	unsigned int i;

	printf("{\n  \"requirements\": [");
	for (i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		bool vm = finding->needed_for & FOR_VM;
		bool container = finding->needed_for & FOR_CONTAINER;

		printf("%s\n    { ", i ? "," : "");
		json_string("requirement", finding->requirement);
		printf(", ");
		json_string("verdict", verdict_names[finding->verdict]);
		printf(", \"needed_for\": [%s%s%s], ", vm ? "\"vm\"" : "",
		       vm && container ? ", " : "",
		       container ? "\"container\"" : "");
		json_string("reason", finding->reason);
		printf(", ");
		json_string("remedy", finding->remedy);
		printf(" }");
	}
	printf("\n  ]");
	if (report->wanted & FOR_VM)
		printf(",\n  \"vm\": %s",
		       possible(report, FOR_VM) ? "true" : "false");
	if (report->wanted & FOR_CONTAINER)
		printf(",\n  \"container\": %s",
		       possible(report, FOR_CONTAINER) ? "true" : "false");
	printf("\n}\n");
}

static void print_summary(const struct report *report)
{
	bool vm = possible(report, FOR_VM);
	bool container = possible(report, FOR_CONTAINER);

	putchar('\n');
	if (report->wanted == FOR_VM)
		printf("This host %s run virtual machines.\n",
		       vm ? "can" : "cannot");
	else if (report->wanted == FOR_CONTAINER)
		printf("This host %s run containers.\n",
		       container ? "can" : "cannot");
	else if (vm == container)
		printf("This host can run %s virtual machines %s containers.\n",
		       vm ? "both" : "neither", vm ? "and" : "nor");
	else
		printf("This host can run %s, but no %s.\n",
		       vm ? "virtual machines" : "containers",
		       vm ? "containers" : "virtual machines");
}

/* The verb */

enum {
	OPTION_JSON = 0x100,
	OPTION_VM,
	OPTION_CONTAINER,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "vm", no_argument, NULL, OPTION_VM },
	{ "container", no_argument, NULL, OPTION_CONTAINER },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: lodge check [OPTION...]\n"
	"\n"
	"Says for each requirement whether this host meets it, and if not, what to do.\n"
	"\n"
	"  --vm         only what virtual machines need\n"
	"  --container  only what containers need\n"
	"  --json       print JSON\n"
	"  -h, --help   print this\n"
	"\n"
	"Exit status: 0 if all that was asked about can run, else 1; 125 for an error.\n";

static void look(struct report *report)
{
	int fd;

	check_cpu(report);
	check_loading(report, FOR_VM | FOR_CONTAINER);
	fd = check_device(report, FOR_VM | FOR_CONTAINER);
	if (fd >= 0) {
		check_info(report, fd);
		close(fd);
	}
	check_kvm(report);

	check_containers(report);
}

int cmd_check(int argc, char **argv)
{
	static struct report report;
	bool json = false;
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		switch (option) {
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_VM:
			report.wanted |= FOR_VM;
			break;
		case OPTION_CONTAINER:
			report.wanted |= FOR_CONTAINER;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return cmd_bad_option("check", argc, argv, option);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "lodge: check takes no '%s'; 'lodge check --help' lists the options\n",
			argv[optind]);
		return STATUS_LODGE;
	}
	if (!report.wanted)
		report.wanted = FOR_VM | FOR_CONTAINER;
	look(&report);
	if (json) {
		print_json(&report);
	} else {
		print_table(&report);
		print_summary(&report);
	}
	return possible(&report, report.wanted) ? STATUS_OK : 1;
}
