package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Platform;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PortIoTest implements Platform {
    private static final Event GP0 = Event.exception(Event.GP, 0);
    private static final long TSS = 0x20000;

    private final List<String> accesses = new ArrayList<>();

    @Override
    public int in(int port, int size) {
        accesses.add("in %X %d".formatted(port, size));
        return 0x87654321;
    }

    @Override
    public void out(int port, int size, int value) {
        accesses.add("out %X %d %X".formatted(port, size, value));
    }

    @Override
    public int acknowledgeExternalInterrupt() {
        throw new AssertionError();
    }

    private Rig on(Rig r) {
        r.c.platform = this;
        return r.set(Rig.RDX, 0xFFFF_03F8L).set(Rig.RAX, 0x1111_2222_3333_4444L);
    }

    @ParameterizedTest
    @CsvSource({
        "E460,in 60 1,1111222233334421", "66E560,in 60 2,1111222233334321", "E560,in 60 4,87654321", "EC,in 3F8 1,1111222233334421",
        "66ED,in 3F8 2,1111222233334321", "ED,in 3F8 4,87654321", "48ED,in 3F8 4,87654321"
    })
    void in(String code, String access, String rax) {
        Rig r = on(Rig.bits64()).run(code);
        assertThat(accesses).containsExactly(access);
        assertThat(r.get(Rig.RAX)).isEqualTo(Long.parseUnsignedLong(rax, 16));
    }

    @ParameterizedTest
    @CsvSource({"E6F4,out F4 1 44", "66E7F4,out F4 2 4444", "E7F4,out F4 4 33334444", "EE,out 3F8 1 44", "66EF,out 3F8 2 4444",
            "EF,out 3F8 4 33334444"})
    void out(String code, String access) {
        on(Rig.bits64()).run(code);
        assertThat(accesses).containsExactly(access);
    }

    @Test
    void repeatedInputStoresOneElementToADispatch() {
        Rig r = on(Rig.bits64()).set(Rig.RDI, Rig.DATA).set(Rig.RCX, 2);
        r.run("F36D");
        assertThat(r.c.rip).isEqualTo(Rig.CODE);
        assertThat(r.get(Rig.RCX)).isEqualTo(1);
        assertThat(r.get(Rig.RDI)).isEqualTo(Rig.DATA + 4);
        r.run("F36D");
        assertThat(r.c.rip).isEqualTo(Rig.CODE + 2);
        assertThat(r.load(Rig.DATA, 8)).isEqualTo(0x8765432187654321L);
        r.run("F36D");
        assertThat(accesses).as("nothing for a count of zero").hasSize(2);
    }

    @Test
    void outputStringsGoDownWithTheDirectionFlagAndWrapWithTheAddressSize() {
        Rig r = on(Rig.bits32()).store(0, 1, 0x5A).set(Rig.RSI, 0xABCD_0000L);
        r.c.rflags |= Flags.DF;
        r.run("676E");
        assertThat(accesses).containsExactly("out 3F8 1 5A");
        assertThat(r.get(Rig.RSI)).isEqualTo(0xABCD_FFFFL);
    }

    @Test
    void inputToAPageThatFaultsReadsNoPort() {
        Rig r = on(Rig.bits64()).set(Rig.RDI, Rig.DATA).protect(Rig.DATA);
        assertThat(r.fault("6C").vector()).isEqualTo(Event.PF);
        assertThat(accesses).isEmpty();
    }

    private static Rig user(Rig r, int iopl, int mapBase, long limit) {
        r.c.cpl = 3;
        r.c.rflags |= (long) iopl << 12;
        r.c.segBase[Cpu.TR] = TSS;
        r.c.segLimit[Cpu.TR] = limit;
        r.c.segAccess[Cpu.TR] = Cpu.PRESENT | 11;
        return r.store(TSS + 102, 2, mapBase);
    }

    @ParameterizedTest
    @ValueSource(strings = {"EC", "EE", "6C", "6E", "E460", "F36C"})
    void privilege(String code) {
        Rig r = on(user(Rig.bits64(), 2, 0xFFFF, 0x67)).set(Rig.RDI, Rig.DATA).set(Rig.RSI, Rig.DATA);
        assertThat(r.fault(code)).isEqualTo(GP0);
        r.c.rflags |= 3 << 12;
        r.run(code);
    }

    @ParameterizedTest
    @CsvSource({"3F8,1,false", "3F9,1,true", "3F7,1,true", "3F7,2,false", "3F6,2,true", "3F5,4,false", "3F4,4,true", "3FF,1,true",
            "3FF,2,false"})
    void permissionBitmapCoversEveryByte(String port, int size, boolean allowed) {
        Rig r = user(Rig.bits64(), 0, 0x68, 0x68 + 0x80);
        on(r).set(Rig.RDX, Integer.parseInt(port, 16)).store(TSS + 0x68 + 0x7F, 1, 1).store(TSS + 0x68 + 0x80, 1, 0xFF);
        String code = size == 1 ? "EC" : size == 2 ? "66ED" : "ED";
        if (allowed) {
            r.run(code);
        } else {
            assertThat(r.fault(code)).isEqualTo(GP0);
        }
    }

    @Test
    void bitmapNeedsTwoBytesWithinTheLimitAndA32BitTss() {
        Rig r = on(user(Rig.bits64(), 0, 0x68, 0x68 + 0x7F));
        assertThat(r.fault("EC")).as("second byte beyond the limit").isEqualTo(GP0);
        r.c.segLimit[Cpu.TR]++;
        r.run("EC");
        r.c.segAccess[Cpu.TR] = Cpu.PRESENT | 3;
        assertThat(r.fault("EC")).isEqualTo(GP0);
    }

    @Test
    void virtual8086ModeAlwaysAsksTheBitmap() {
        Rig r = on(user(Rig.bits16(), 3, 0x68, 0x68 + 0x80)).store(TSS + 0x68 + 0x7F, 1, 1);
        r.c.rflags |= Flags.VM;
        assertThat(r.fault("EC")).isEqualTo(GP0);
        r.set(Rig.RDX, 0x3F9).run("EC");
    }

    @Test
    void breakpointTrapsBehindTheAccess() {
        Rig r = on(Rig.bits64());
        r.c.dr[1] = 0x3F8;
        r.c.dr7 = 0x0020_0408L;
        r.run("EC");
        assertThat(r.c.pendingDebug).as("needs debugging extensions").isZero();
        r.c.cr4 |= Cr.DE;
        r.set(Rig.RDX, 0x3F9).run("EC");
        assertThat(r.c.pendingDebug).isZero();
        r.set(Rig.RDX, 0x3F7).run("66ED");
        assertThat(r.c.pendingDebug).isEqualTo(2);
    }
}
