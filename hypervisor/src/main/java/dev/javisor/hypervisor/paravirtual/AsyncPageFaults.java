package dev.javisor.hypervisor.paravirtual;

import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import java.util.ArrayList;
import java.util.List;

/**
 * Tells a guest that memory it has touched is not there yet, so that it can do something else until it is: "not present" by a #PF with a
 * token in CR2, "ready" by an interrupt.
 */
final class AsyncPageFaults {
    private static final long ENABLE = 1, SEND_ALWAYS = 2, AS_INTERRUPT = 8, ADDRESS = -64;
    private static final int SIZE = 64, REASON = 0, TOKEN = 4;
    private static final int PAGE_NOT_PRESENT = 1;
    /** The token that ends all waiting. */
    private static final long EVERYBODY = 0xFFFF_FFFFL;
    /** Most pages that a vcpu waits for at a time. */
    private static final int MOST = 64;

    /** @param told the guest knows the token @param arrived the page is there */
    private record Wait(long page, long token, boolean told, boolean arrived) {}

    private final Cpu cpu;
    private final LocalApic apic;
    private final SharedPage page;
    private final List<Wait> waits = new ArrayList<>();
    private long register;
    private int vector;
    private long tokens;

    AsyncPageFaults(Cpu cpu, LocalApic apic) {
        this.cpu = cpu;
        this.apic = apic;
        page = new SharedPage(cpu.memory, SIZE);
    }

    long register() {
        return register;
    }

    int vector() {
        return vector;
    }

    void setVector(int value) {
        vector = value;
    }

    /** @return false when the value cannot be used */
    boolean setRegister(long value) {
        boolean enables = (value & (ENABLE | AS_INTERRUPT)) == (ENABLE | AS_INTERRUPT);
        if (apic == null && value != 0 || enables && !SharedPage.isMemory(cpu.memory, value & ADDRESS, SIZE)) {
            return false;
        }
        connect(value);
        if (!enables) {
            waits.clear();
        } else if (waits.stream().noneMatch(Wait::arrived)) {
            waits.add(new Wait(-1, EVERYBODY, true, true));
        }
        deliver();
        return true;
    }

    private void connect(long value) {
        register = value;
        if (isEnabled()) {
            page.at(value & ADDRESS);
        } else {
            page.none();
        }
    }

    void reset() {
        connect(0);
        vector = 0;
        waits.clear();
    }

    private boolean isEnabled() {
        return (register & (ENABLE | AS_INTERRUPT)) == (ENABLE | AS_INTERRUPT);
    }

    /** The guest waits for the page already. */
    boolean knows(long gpa) {
        return waits.stream().anyMatch(w -> w.page == gpa);
    }

    boolean isFull() {
        return waits.size() >= MOST;
    }

    /**
     * The guest, which can take interrupts, needs a page that is not there.
     *
     * @return the token to put into CR2 of a #PF; -1 when the guest must not be told
     */
    long missing(long gpa) {
        boolean tells = page.isThere()
                && ((register & SEND_ALWAYS) != 0 || cpu.cpl != 0)
                && (cpu.cr0 & Cr.PG) != 0
                && page.read(REASON, 4) == 0;
        // 0 is no token, all ones is everybody's.
        long token = (++tokens & 0xF_FFFF) << 12 | cpu.index;
        if (token == 0 || token == EVERYBODY) {
            token = (++tokens & 0xF_FFFF) << 12 | cpu.index;
        }
        waits.add(new Wait(gpa, token, tells, false));
        if (tells) {
            page.write(REASON, 4, PAGE_NOT_PRESENT);
        }
        return tells ? token : -1;
    }

    /** A page is there. */
    void arrived(long gpa) {
        waits.replaceAll(w -> w.page == gpa ? new Wait(w.page, w.token, w.told, true) : w);
        deliver();
    }

    /** Tells the guest of one page, once it has taken notice of the last. */
    void deliver() {
        for (int i = 0; i < waits.size(); i++) {
            Wait w = waits.get(i);
            if (!w.arrived) {
                continue;
            }
            if (w.told && isEnabled()) {
                if (!page.isThere() || !apic.isEnabled() || page.read(TOKEN, 4) != 0) {
                    return;
                }
                page.write(TOKEN, 4, w.token);
                apic.interrupt(vector);
            }
            waits.remove(i--);
        }
    }

    long[] state() {
        long[] s = new long[3 + 4 * waits.size()];
        s[0] = register;
        s[1] = vector;
        s[2] = tokens;
        for (int i = 0; i < waits.size(); i++) {
            Wait w = waits.get(i);
            s[3 + 4 * i] = w.page;
            s[4 + 4 * i] = w.token;
            s[5 + 4 * i] = w.told ? 1 : 0;
            s[6 + 4 * i] = w.arrived ? 1 : 0;
        }
        return s;
    }

    void setState(long[] s) {
        connect(s[0]);
        vector = (int) s[1];
        tokens = s[2];
        waits.clear();
        for (int i = 3; i < s.length; i += 4) {
            waits.add(new Wait(s[i], s[i + 1], s[i + 2] != 0, s[i + 3] != 0));
        }
    }
}
