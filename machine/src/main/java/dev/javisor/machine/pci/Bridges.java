package dev.javisor.machine.pci;

import java.util.function.IntConsumer;

/** The functions of the two chip sets that are not devices of their own: host bridges, ISA bridges, power management. */
public final class Bridges {
    private static final int INTEL = 0x8086;
    /** I/O base of the power management registers, as firmware sets it up. */
    public static final int PM_BASE = 0x600;
    private static final int PM_BASE_REGISTER = 0x40;

    private Bridges() {}

    /** Intel 82441FX (440FX): PCI and memory controller. */
    public static PciFunction hostBridge440fx() {
        return new Plain(INTEL, 0x1237, 0x060000, 2, 0x50, 0x80, 0);
    }

    /** Intel 82371SB (PIIX3): PCI-to-ISA bridge. */
    public static PciFunction isaBridgePiix3(PirqRouter router) {
        return new IsaBridge(0x7000, 0, router, true);
    }

    /**
     * Intel 82371AB (PIIX4): power management.
     *
     * @param configured as firmware leaves it; else as it is after a reset
     * @param base told where firmware puts the power management registers; 0: nowhere
     */
    public static PciFunction powerManagementPiix4(boolean configured, IntConsumer base) {
        PowerManagementBase place = new PowerManagementBase(0x80, 1, 0xFFC0, base);
        Plain f = new Plain(INTEL, 0x7113, 0x068000, 3, 0x40, 0x100, 0) {
            @Override
            protected void placed() {
                place.look(this);
            }
        };
        f.register(PM_BASE_REGISTER, 4, configured ? PM_BASE | 1 : 1);
        // SMIs by the command port count as set up, so that a firmware does not wait for one: see PowerManagement.
        f.register(0x58, 4, 1 << 25);
        f.register(0x80, 1, configured ? 1 : 0);
        return f;
    }

    /** Intel 82G33/Q35: memory controller. */
    public static PciFunction hostBridgeQ35(long ecam) {
        Plain f = new Plain(INTEL, 0x29C0, 0x060000, 0, 0x40, 0x100, 0);
        f.register(0x60, 4, (int) ecam | 1);
        f.register(0x64, 4, (int) (ecam >>> 32));
        return f;
    }

    /** Intel 82801IB (ICH9): LPC interface bridge. Parameters as for {@link #powerManagementPiix4}. */
    public static PciFunction lpcBridgeIch9(PirqRouter router, boolean configured, IntConsumer base) {
        PowerManagementBase place = new PowerManagementBase(0x44, 0x80, 0xFF80, base);
        IsaBridge f = new IsaBridge(0x2918, 2, router, true) {
            @Override
            protected void placed() {
                place.look(this);
            }
        };
        f.register(PM_BASE_REGISTER, 4, configured ? PM_BASE | 1 : 1);
        f.register(0x44, 1, configured ? 0x80 : 0);
        // COM1 and COM2 at their usual ports; decoded: both, keyboard controller, 2EH and 4EH.
        f.register(0x80, 2, 0x0010);
        f.register(0x82, 2, 0x3403);
        return f;
    }

    /** Where the power management registers are: in both chip sets an address, and an enable bit in another register. */
    private record PowerManagementBase(int enableRegister, int enable, int mask, IntConsumer base) {
        void look(Plain f) {
            boolean enabled = (f.get(enableRegister, 1) & enable) != 0;
            base.accept(enabled ? f.get(PM_BASE_REGISTER, 2) & mask : 0);
        }
    }

    /** A function whose device-specific registers are storage for firmware and drivers. */
    private static class Plain extends PciFunction {
        Plain(int vendor, int device, int classCode, int revision, int from, int to, int headerType) {
            super(vendor, device, classCode, revision);
            set(HEADER_TYPE, 1, headerType);
            for (int i = from; i < to; i++) {
                allow(i, 1, 0xFF);
            }
        }

        /** Value of a register as firmware leaves it. */
        final void register(int at, int size, int value) {
            set(at, size, value);
        }
    }

    private static class IsaBridge extends Plain {
        private static final int ROUTES = 0x60;
        private final PirqRouter router;

        IsaBridge(int device, int revision, PirqRouter router, boolean severalFunctions) {
            super(INTEL, device, 0x060100, revision, 0x40, 0x100, severalFunctions ? 0x80 : 0);
            this.router = router;
        }

        @Override
        public int readConfig(int at, int size) {
            int v = super.readConfig(at, size);
            for (int i = 0; i < size; i++) {
                int pirq = at + i - ROUTES;
                if (pirq >= 0 && pirq < PirqRouter.LINES) {
                    v = v & ~(0xFF << 8 * i) | router.route(pirq) << 8 * i;
                }
            }
            return v;
        }

        @Override
        public void writeConfig(int at, int size, int value) {
            super.writeConfig(at, size, value);
            for (int i = 0; i < size; i++) {
                int pirq = at + i - ROUTES;
                if (pirq >= 0 && pirq < PirqRouter.LINES) {
                    router.setRoute(pirq, value >>> 8 * i & 0x8F);
                }
            }
        }
    }
}
