package dev.javisor.conformance.host;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;

/**
 * Where cases, results and memory are: in the file that the native runner shares with us, and in the address space in which instructions
 * run, natively and in Javisor alike. Whole numbers of 64 bytes, so that x87 and SSE images are aligned.
 */
final class Layout {
    // None of the addresses is close to a value that random operands often have.

    /** One page of code; the instruction begins at {@link #ENTRY}. All around it is INT3. */
    static final int CODE_PAGE = 0x2345_6000;

    static final int CODE_AREA = CODE_PAGE + 0x7C0;
    static final int CODE_SIZE = 128;
    /** Offset of the instruction in the code area. */
    static final int CODE_OFFSET = 64;

    static final int ENTRY = CODE_AREA + CODE_OFFSET;

    /** Two data pages, seen three times: both writable; only the first; the second read-only. */
    static final int WINDOW_BOTH = 0x3456_0000;

    static final int WINDOW_FIRST = 0x3457_0000;
    static final int WINDOW_READ = 0x3458_0000;
    /** The part of the data pages that a case fills: around the boundary of the two. */
    static final int WINDOW_SIZE = 1024;

    static final int WINDOW_OFFSET = 0x1000 - WINDOW_SIZE / 2;

    /** Of the stack on which the runner learns of exceptions. */
    static final int SIGNAL_STACK_SIZE = 0x10000;

    static final int FS_BASE = 0x1230;
    static final int GS_BASE = 0x4568;

    /** A case: general registers, RFLAGS, far pointer to the instruction; code; FXSAVE image; data window. */
    static final int HEADER_SIZE = 192;

    static final int FLAGS = 128;
    static final int CASE_ENTRY = 136;
    static final int CASE_CODE = HEADER_SIZE;
    static final int CASE_X87 = CASE_CODE + CODE_SIZE;
    static final int CASE_WINDOW = CASE_X87 + 512;
    static final int CASE_SIZE = CASE_WINDOW + WINDOW_SIZE;

    /**
     * A result: general registers, RFLAGS, exception or -1, its error code, CR2, RIP and RFLAGS at the exception; FXSAVE image; data
     * window.
     */
    static final int RESULT_HEADER = 192;

    static final int RESULT_TRAP = 136;
    static final int RESULT_ERROR = 144;
    static final int RESULT_CR2 = 152;
    static final int RESULT_RIP = 160;
    static final int RESULT_X87 = RESULT_HEADER;
    static final int RESULT_WINDOW = RESULT_X87 + 512;
    static final int RESULT_SIZE = RESULT_WINDOW + WINDOW_SIZE;

    /** Cases in the file. */
    static final int BATCH = 512;
    /** Where the runner maps cases and results, and where the results are from there. */
    static final int CASES = 0x6F5E_0000;

    static final int RESULTS = BATCH * CASE_SIZE;
    /** Where, from there, the number of cases of the batch that have run is. */
    static final int PROGRESS = RESULTS + BATCH * RESULT_SIZE;
    /** Two data pages, cases, results, progress. */
    static final int FILE_SIZE = 0x2000 + (PROGRESS + 8 + 0xFFF & ~0xFFF);
    /** Seconds that a batch may take; milliseconds are usual. */
    static final int PATIENCE = 20;

    /** Where the runner is loaded, behind the headers of its file: there it takes the state when the instruction has completed. */
    static final int LOAD_ADDRESS = 0x1234_0000;

    /** More than the runner takes. */
    static final int RUNNER_SIZE = 0x4000;

    static final int HEADERS = 64 + 56;
    static final int COMPLETED = LOAD_ADDRESS + HEADERS;

    /** User code segments of Linux: 64-bit and 32-bit code; and its data segment. */
    static final int CODE64_SELECTOR = 0x33, CODE32_SELECTOR = 0x23, DATA_SELECTOR = 0x2B;

    private Layout() {}

    /** Whether an access of up to 256 bytes around an address may change the runner, or the code page that all cases share. */
    static boolean touchesRunner(long address) {
        return touches(address, LOAD_ADDRESS, RUNNER_SIZE) || touches(address, CASES, FILE_SIZE) || touches(address, CODE_PAGE, 0x1000);
    }

    private static boolean touches(long address, long start, long size) {
        return address >= start - 256 && address < start + size + 256;
    }

    /** The constants as definitions for the assembler. */
    static String definitions() {
        StringBuilder text = new StringBuilder();
        try {
            for (Field f : Layout.class.getDeclaredFields()) {
                if (Modifier.isStatic(f.getModifiers()) && f.getType() == int.class) {
                    text.append(f.getName()).append(" equ ").append(f.getInt(null)).append('\n');
                }
            }
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
        return text.toString();
    }
}
