package dev.javisor.machine;

import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/** Digest of a machine: its saved state, then each page of memory that is not zero, by address; or of memory alone. */
final class StateHash {
    private static final int PAGE = 4096;

    private StateHash() {}

    static String of(Stateful machine, PhysicalMemory memory) {
        StateOutput out = new StateOutput();
        machine.save(out);
        MessageDigest digest = digest();
        digest.update(out.toByteArray());
        update(digest, memory);
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Of memory alone. */
    static String of(PhysicalMemory memory) {
        MessageDigest digest = digest();
        update(digest, memory);
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    private static void update(MessageDigest digest, PhysicalMemory memory) {
        List<Region> ram = memory.regions().stream()
                .filter(r -> r.isMemory() && !r.readOnly)
                .sorted(Comparator.comparingLong(r -> r.start))
                .toList();
        ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
        for (Region r : ram) {
            for (long at = 0; at < r.size; at += PAGE) {
                MemorySegment page = r.segment.asSlice(at, PAGE);
                if (!isZero(page)) {
                    digest.update(number.clear().putLong(r.start + at).flip());
                    digest.update(page.asByteBuffer());
                }
            }
        }
    }

    private static boolean isZero(MemorySegment page) {
        for (long i = 0; i < PAGE; i += Long.BYTES) {
            if (page.get(ValueLayout.JAVA_LONG_UNALIGNED, i) != 0) {
                return false;
            }
        }
        return true;
    }
}
