/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Libraries that few verbs need, loaded by the first call of one of their
 * functions: with those that these need in turn they are 20, and loading them
 * would take longer than starting a container.
 *
 * A function here jumps to where its slot says: at first to its own second half,
 * which has lazy_find() look the function up and then starts again.
 */
	.macro	function name
	.globl	\name
	.type	\name, @function
\name:
	endbr64
	jmp	*.Lslot_\name(%rip)
.Lfind_\name:
	leaq	.Lname_\name(%rip), %r11
	leaq	.Lslot_\name(%rip), %r10
	jmp	find
	.size	\name, . - \name
	.pushsection .rodata
.Lname_\name:
	.asciz	"\name"
	.popsection
	.pushsection .data.rel.local, "aw"
	.balign	8
.Lslot_\name:
	.quad	.Lfind_\name
	.popsection
	.endm

	.macro	functions names:vararg
	.irp	name, \names
	function \name
	.endr
	.endm

	.text
/* %r11: a function's name, %r10: its slot. Arguments stay as they are. */
find:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%rax
	pushq	%r10
	movq	%r11, %rdi
	call	lazy_find
	popq	%r10
	movq	%rax, (%r10)
	movq	%rax, %r11
	popq	%rax
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rbp
	jmp	*%r11

	functions archive_entry_clear, archive_entry_dev, archive_entry_filetype
	functions archive_entry_free, archive_entry_gid, archive_entry_hardlink
	functions archive_entry_ino64, archive_entry_linkify
	functions archive_entry_linkresolver_free, archive_entry_linkresolver_new
	functions archive_entry_linkresolver_set_strategy, archive_entry_mtime
	functions archive_entry_mtime_nsec, archive_entry_new
	functions archive_entry_pathname, archive_entry_perm, archive_entry_size
	functions archive_entry_size_is_set, archive_entry_symlink
	functions archive_entry_uid, archive_entry_xattr_next
	functions archive_entry_xattr_reset, archive_error_string
	functions archive_read_close, archive_read_data_block
	functions archive_read_disk_can_descend, archive_read_disk_descend
	functions archive_read_disk_new, archive_read_disk_open
	functions archive_read_disk_set_behavior
	functions archive_read_disk_set_symlink_physical, archive_read_free
	functions archive_read_new, archive_read_next_header
	functions archive_read_next_header2, archive_read_open
	functions archive_read_support_filter_bzip2
	functions archive_read_support_filter_compress
	functions archive_read_support_filter_gzip
	functions archive_read_support_filter_lz4
	functions archive_read_support_filter_lzma
	functions archive_read_support_filter_none
	functions archive_read_support_filter_xz
	functions archive_read_support_filter_zstd
	functions archive_read_support_format_tar, archive_set_error
	functions nft_ctx_buffer_error, nft_ctx_buffer_output, nft_ctx_free
	functions nft_ctx_get_error_buffer, nft_ctx_new, nft_run_cmd_from_buffer

	.section .note.GNU-stack, "", @progbits
