package dev.javisor.hypervisor.paravirtual;

import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;

/**
 * Lets the guest end an interrupt by clearing a bit in memory, without exit (KVM's PV EOI). The bit is set only while the guest runs: after
 * every exit it says whether the interrupt in service has been ended.
 */
final class QuietEnd {
    private static final long ENABLE = 1;

    private final SharedPage page;
    private final LocalApic apic;
    private long register;
    /** The guest has been told that it need not write the register. */
    private boolean offered;

    QuietEnd(Cpu cpu, LocalApic apic) {
        this.apic = apic;
        page = new SharedPage(cpu.memory, 1);
    }

    long register() {
        return register;
    }

    void connect(long value) {
        register = value;
        if ((value & ENABLE) != 0) {
            page.at(value & ~ENABLE);
        } else {
            page.none();
        }
    }

    /** The guest is about to run. */
    void offer() {
        if (!offered && apic != null && page.isThere() && apic.endsWithoutConsequence()) {
            page.write(0, 1, page.read(0, 1) | 1);
            setOffered(true);
        }
    }

    /** The guest has run. */
    void look() {
        if (!offered) {
            return;
        }
        setOffered(false);
        long bits = page.isThere() ? page.read(0, 1) : 1;
        if ((bits & 1) == 0) {
            apic.end();
        } else if (page.isThere()) {
            page.write(0, 1, bits & ~1L);
        }
    }

    boolean isOffered() {
        return offered;
    }

    void setOffered(boolean value) {
        offered = value;
        if (apic != null) {
            apic.setQuiet(value);
        }
    }
}
