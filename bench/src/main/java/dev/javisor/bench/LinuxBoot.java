package dev.javisor.bench;

import java.nio.file.Path;

/**
 * A Linux system to be booted.
 *
 * @param initrd or null
 * @param append its command line
 * @param prompt what it prints when it is up
 */
record LinuxBoot(Path kernel, Path initrd, String append, String prompt) {
    /** RAM in bytes. */
    static final long MEMORY = 512L << 20;
}
