package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.paging.PagedMachine;
import dev.javisor.processor.paging.PagedMachine.Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** MOV DR: fixed bits, aliases, and the order of its exceptions. RAX is the general register. */
class DebugRegistersTest {
    private static final String TO_DR0 = "0F 23 C0", TO_DR4 = "0F 23 E0", TO_DR6 = "0F 23 F0", TO_DR7 = "0F 23 F8", FROM_DR5 = "0F 21 E8";
    private static final long GD = 0x2000;

    private static PagedMachine machine(Vendor vendor, Feature... absent) {
        return new PagedMachine(vendor, 46, PagedMachine.without(absent)).mode(Mode.LEVEL4);
    }

    private static void write(PagedMachine m, String code, long value) {
        m.c.gpr[0] = value;
        m.execute(code);
    }

    @Test
    void dr6KeepsCausesAndFixedBits() {
        PagedMachine all = machine(Vendor.INTEL);
        write(all, TO_DR6, 0);
        assertThat(all.c.dr6).isEqualTo(0xFFFE07F0L);
        write(all, TO_DR6, 0xFFFFFFFFL);
        assertThat(all.c.dr6).isEqualTo(0xFFFFEFFFL);
        PagedMachine plain = machine(Vendor.INTEL, Feature.RTM, Feature.BUS_LOCK_DETECT);
        write(plain, TO_DR6, 0);
        assertThat(plain.c.dr6).isEqualTo(0xFFFF0FF0L);
    }

    @Test
    void dr7KeepsItsFixedBits() {
        PagedMachine all = machine(Vendor.INTEL);
        write(all, TO_DR7, 0xFFFFDFFFL);
        assertThat(all.c.dr7).isEqualTo(0xFFFF0FFFL);
        PagedMachine plain = machine(Vendor.INTEL, Feature.RTM);
        write(plain, TO_DR7, 0xFFFFDFFFL);
        assertThat(plain.c.dr7).isEqualTo(0xFFFF07FFL);
        assertThat(plain.c.watchesData).isTrue();
        write(plain, TO_DR7, 0);
        assertThat(plain.c.dr7).isEqualTo(0x400);
        assertThat(plain.c.watchesData).isFalse();
    }

    @Test
    void theUpperHalvesOfDr6AndDr7MustBeZero() {
        PagedMachine m = machine(Vendor.INTEL);
        m.c.gpr[0] = 1L << 32;
        assertThat(m.vectorOf(TO_DR6)).isEqualTo(Event.GP);
        assertThat(m.vectorOf(TO_DR7)).isEqualTo(Event.GP);
        assertThat(m.vectorOf(TO_DR0)).isEqualTo(-1);
        assertThat(m.c.dr[0]).isEqualTo(1L << 32);
    }

    @Test
    void dr4AndDr5AreAliasesUnlessDebuggingExtensionsAreOn() {
        PagedMachine m = machine(Vendor.INTEL);
        write(m, TO_DR4, 0xFFFF0FF3L);
        assertThat(m.c.dr6 & 15).isEqualTo(3);
        m.execute(FROM_DR5);
        assertThat(m.c.gpr[0]).isEqualTo(0x400);
        m.c.cr4 |= Cr.DE;
        assertThat(m.vectorOf(TO_DR4)).isEqualTo(Event.UD);
        assertThat(m.vectorOf(FROM_DR5)).isEqualTo(Event.UD);
    }

    @ParameterizedTest
    @ValueSource(strings = {"44 0F 23 C0", "44 0F 21 F8"})
    void thereAreEightDebugRegisters(String code) {
        assertThat(machine(Vendor.INTEL).vectorOf(code)).isEqualTo(Event.UD);
    }

    @ParameterizedTest
    @CsvSource({"INTEL,0,1", "INTEL,3,1", "AMD,0,1", "AMD,3,13"})
    void generalDetectionAndPrivilege(Vendor vendor, int cpl, int vector) {
        PagedMachine m = machine(vendor);
        m.c.dr7 |= GD;
        m.cpl(cpl);
        assertThat(PagedMachine.eventOf(() -> m.execute(TO_DR0)).vector()).isEqualTo(vector);
        m.c.cr4 |= Cr.DE;
        assertThat(m.vectorOf(TO_DR4)).as("undefined register first").isEqualTo(Event.UD);
    }

    @Test
    void generalDetectionReportsBd() {
        PagedMachine m = machine(Vendor.INTEL);
        m.c.dr7 |= GD;
        assertThat(PagedMachine.eventOf(() -> m.execute(FROM_DR5))).isEqualTo(Event.debug(0x2000));
    }
}
