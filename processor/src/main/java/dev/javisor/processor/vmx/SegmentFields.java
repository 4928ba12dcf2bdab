package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Cpu;

/** The fields of segment registers, by the processor's numbers of these. */
final class SegmentFields {
    static final String[] NAMES = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};

    private static final VmcsField[] SELECTOR = row(VmcsField.GUEST_ES_SELECTOR, 8);
    private static final VmcsField[] LIMIT = row(VmcsField.GUEST_ES_LIMIT, 8);
    private static final VmcsField[] ACCESS = row(VmcsField.GUEST_ES_ACCESS_RIGHTS, 8);
    private static final VmcsField[] BASE = row(VmcsField.GUEST_ES_BASE, 8);
    private static final VmcsField[] HOST_SELECTOR = row(VmcsField.HOST_ES_SELECTOR, 6);

    private SegmentFields() {}

    private static VmcsField[] row(VmcsField first, int count) {
        VmcsField[] fields = new VmcsField[count];
        for (int i = 0; i < count; i++) {
            fields[i] = VmcsField.of(first.encoding + 2 * i);
        }
        return fields;
    }

    static VmcsField selector(int segment) {
        return SELECTOR[segment];
    }

    static VmcsField limit(int segment) {
        return LIMIT[segment];
    }

    static VmcsField access(int segment) {
        return ACCESS[segment];
    }

    static VmcsField base(int segment) {
        return BASE[segment];
    }

    /** ES to GS, or TR. */
    static VmcsField hostSelector(int segment) {
        return segment == Cpu.TR ? VmcsField.HOST_TR_SELECTOR : HOST_SELECTOR[segment];
    }
}
