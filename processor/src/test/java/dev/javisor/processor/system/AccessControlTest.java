package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.paging.PagedMachine;
import dev.javisor.processor.paging.PagedMachine.Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** STAC, CLAC, RDPKRU, WRPKRU and INVPCID's checks. */
class AccessControlTest {
    private static final String STAC = "0F 01 CB", CLAC = "0F 01 CA", RDPKRU = "0F 01 EE", WRPKRU = "0F 01 EF", INVPCID = "66 0F 38 82 01";

    private final PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);

    @Test
    void stacOpensUserPagesUntilClac() {
        m.map(0x1000, 0x1000, 1, PagedMachine.ALL);
        ControlRegisters.writeCr4(m.c, m.c.cr4 | Cr.SMAP);
        assertThat(PagedMachine.eventOf(() -> Memory.load8(m.c, 0x1000, Cpu.DS))).isNotNull();
        m.execute(STAC);
        assertThat(m.c.rflags & Flags.AC).isNotZero();
        assertThat(PagedMachine.eventOf(() -> Memory.load8(m.c, 0x1000, Cpu.DS))).isNull();
        assertThat(PagedMachine.eventOf(() -> Memory.loadSystem(m.c, 0x1000, 1))).as("implicit accesses stay closed").isNotNull();
        m.execute(CLAC);
        assertThat(PagedMachine.eventOf(() -> Memory.load8(m.c, 0x1000, Cpu.DS))).isNotNull();
    }

    @Test
    void stacAndClacAreUndefinedForUsersAndWithoutSmap() {
        PagedMachine none = new PagedMachine(Vendor.INTEL, 46, PagedMachine.without(Feature.SMAP)).mode(Mode.LEVEL4);
        assertThat(none.vectorOf(STAC)).isEqualTo(Event.UD);
        m.cpl(3);
        assertThat(m.vectorOf(STAC)).isEqualTo(Event.UD);
        assertThat(m.vectorOf(CLAC)).isEqualTo(Event.UD);
    }

    @Test
    void protectionKeyRegister() {
        assertThat(m.vectorOf(RDPKRU)).as("CR4.PKE = 0").isEqualTo(Event.UD);
        assertThat(m.vectorOf(WRPKRU)).isEqualTo(Event.UD);
        m.c.cr4 |= Cr.PKE;
        m.cpl(3);
        m.c.gpr[0] = 0xFFFFFFFF_80000004L;
        m.execute(WRPKRU);
        m.c.gpr[0] = -1;
        m.c.gpr[2] = -1;
        m.execute(RDPKRU);
        assertThat(m.c.gpr[0]).isEqualTo(0x80000004L);
        assertThat(m.c.gpr[2]).isZero();
        m.c.gpr[2] = 1;
        assertThat(m.vectorOf(WRPKRU)).as("EDX").isEqualTo(Event.GP);
        m.c.gpr[2] = 0;
        m.c.gpr[1] = 1;
        assertThat(m.vectorOf(WRPKRU)).as("ECX").isEqualTo(Event.GP);
        assertThat(m.vectorOf(RDPKRU)).as("ECX").isEqualTo(Event.GP);
    }

    @ParameterizedTest
    @CsvSource({
        "0,0,0,false,-1", "0,0,0x800000000000,false,-1", "0,0,0x100000000000000,false,13", "0,1,0,false,13", "0,1,0,true,-1",
        "1,1,0,false,13", "1,1,0,true,-1", "1,0x1000,0,true,13",
        "2,0,0x800000000000,false,-1", "2,1,0,false,-1", "3,0x1000,0,false,13", "4,0,0,false,13"
    })
    void invpcidChecks(int type, String pcid, String linear, boolean pcide, int vector) {
        m.map(0x1000, 0x1000, 1, PagedMachine.ALL);
        m.c.cr4 |= pcide ? Cr.PCIDE : 0;
        m.memory.write(0x1000, 8, Long.decode(pcid));
        m.memory.write(0x1008, 8, Long.decode(linear));
        m.c.gpr[0] = type;
        m.c.gpr[1] = 0x1000;
        assertThat(m.vectorOf(INVPCID)).isEqualTo(vector);
        m.cpl(3);
        assertThat(m.vectorOf(INVPCID)).isEqualTo(Event.GP);
    }

    @Test
    void invlpgOfARegisterIsUndefinedAndNonCanonicalAddressesAreIgnored() {
        assertThat(m.vectorOf("66 0F 38 82 C1")).isEqualTo(Event.UD);
        m.c.gpr[0] = 1L << 47;
        assertThat(m.vectorOf("0F 01 38")).isEqualTo(-1);
    }
}
