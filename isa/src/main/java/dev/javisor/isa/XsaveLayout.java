package dev.javisor.isa;

/** Layout of an XSAVE area: legacy region, header, and the extended region in its standard and its compacted format. */
public final class XsaveLayout {
    /** Legacy region, bytes. */
    public static final int LEGACY_SIZE = 512;
    /** XSAVE header: XSTATE_BV, XCOMP_BV, and 48 reserved bytes. */
    public static final int HEADER_SIZE = 64;
    /** Extended region. */
    public static final int EXTENDED = LEGACY_SIZE + HEADER_SIZE;
    /** XCOMP_BV bit: the extended region is compacted. */
    public static final long COMPACTED = 1L << 63;

    private static final XsaveComponent[] COMPONENTS = XsaveComponent.values();

    private XsaveLayout() {}

    /** Size in bytes of a standard-format area that holds the components of {@code mask}. */
    public static int standardSize(long mask) {
        int size = EXTENDED;
        for (XsaveComponent x : COMPONENTS) {
            if ((mask & x.bit()) != 0 && !x.supervisor) {
                size = Math.max(size, x.offset + x.size);
            }
        }
        return size;
    }

    /** Size in bytes of a compacted-format area whose XCOMP_BV has the components of {@code mask}. */
    public static int compactedSize(long mask) {
        int size = EXTENDED;
        for (XsaveComponent x : COMPONENTS) {
            if (x.number >= 2 && (mask & x.bit()) != 0) {
                size = start(x, size) + x.size;
            }
        }
        return size;
    }

    /** Offset of a component in a compacted-format area whose XCOMP_BV has the components of {@code mask}, the component among them. */
    public static int compactedOffset(XsaveComponent component, long mask) {
        return component.number < 2 ? component.offset : start(component, compactedSize(mask & component.bit() - 1));
    }

    private static int start(XsaveComponent x, int end) {
        return x.aligned ? end + 63 & -64 : end;
    }
}
