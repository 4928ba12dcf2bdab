package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What comes with EPT: page-modification logging, virtualization exceptions, EPTP switching, the APIC-access page behind it. */
class EptTest {
    private static final int RAX = 0, RCX = 1, RBX = 3, RSI = 6;
    private static final long PML = 0x78000, LIST = 0x79000, INFORMATION = 0x7A000, OTHER_EPT = 0x60000, APIC = 0x70000;
    private static final long DIRTY = 0x200, SUPPRESS_VE = 1L << 63, FLAGS_AND_TYPE = 6 | 3 << 3 | 1 << 6;
    /** Exit qualification: data write, the rights of the entry, linear address valid and translated. */
    private static final long WRITE = 2, READABLE = 8, EXECUTABLE = 0x20, LINEAR = 0x180;

    // ---- "Page-Modification Logging" ----

    private static VmxHost logging(Engine engine, long index) {
        VmxHost h = new VmxHost(engine, "mov [rbx], rax", "mov [rbx+8], rax", "mov [rsi], rax", "vmcall").withEpt();
        h.on(VmxControl.ENABLE_PML).set(VmcsField.PML_ADDRESS, PML).set(VmcsField.PML_INDEX, index);
        h.c.gpr[RBX] = VmxHost.DATA;
        h.c.gpr[RSI] = VmxHost.DATA + 0x1234;
        return h;
    }

    private static long logged(VmxHost h, long page) {
        long n = 0;
        for (int i = 0; i < 512; i++) {
            n += h.memory.read(PML + 8 * i, 8) == page ? 1 : 0;
        }
        return n;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void eachPageThatBecomesDirtyIsLoggedOnce(Engine engine) {
        VmxHost h = logging(engine, 511);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(logged(h, VmxHost.DATA)).isEqualTo(1);
        assertThat(logged(h, VmxHost.DATA + 0x1000)).isEqualTo(1);
        assertThat(h.memory.read(VmxHost.eptEntry(VmxHost.DATA), 8) & DIRTY).isEqualTo(DIRTY);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aFullLogExitsBeforeTheAccess(Engine engine) {
        VmxHost h = logging(engine, 0xFFFF);
        h.c.gpr[RAX] = 77;
        ExitReason reason = h.run();
        // paging structures come first: their accessed flags are writes
        while (reason == ExitReason.PAGE_MODIFICATION_LOG_FULL && h.get(VmcsField.GUEST_RIP) == VmxHost.CODE
                && (h.memory.read(VmxHost.eptEntry(VmxHost.PML4 + 0x3000), 8) & DIRTY) == 0) {
            assertThat(h.get(VmcsField.PML_INDEX)).isEqualTo(0xFFFF);
            h.set(VmcsField.PML_INDEX, 0);
            reason = h.run();
        }
        assertThat(reason).isEqualTo(ExitReason.PAGE_MODIFICATION_LOG_FULL);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isZero();
        h.set(VmcsField.PML_INDEX, 511);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.memory.read(VmxHost.DATA, 8)).isEqualTo(77);
        assertThat(h.memory.read(VmxHost.DATA + 0x1234, 8)).isEqualTo(77);
    }

    // ---- "Invalidating Cached Translation Information" ----

    /** The guest's page table is another one from INVEPT on, although the guest has invalidated the page only. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void invalidationForgetsWherePagingStructuresAre(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov rax, [rbx]", "vmcall", "invlpg [rbx]", "mov rax, [rbx]", "vmcall").withEpt();
        long table = VmxHost.PML4 + 0x3000;
        for (int i = 0; i < 0x1000; i += 8) {
            h.memory.write(OTHER_EPT + i, 8, h.memory.read(table + i, 8));
        }
        h.memory.write(OTHER_EPT + (VmxHost.DATA >>> 9), 8, VmxHost.DATA + 0x1000 | 7);
        h.memory.write(VmxHost.DATA, 8, 1);
        h.memory.write(VmxHost.DATA + 0x1000, 8, 2);
        h.on(VmxControl.ENABLE_VPID).set(VmcsField.VIRTUAL_PROCESSOR_ID, 1);
        h.c.gpr[RBX] = VmxHost.DATA;
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.rax()).isEqualTo(1);
        h.memory.write(VmxHost.eptEntry(table), 8, OTHER_EPT | 7 | 6 << 3);
        h.vmx.invept(1, h.get(VmcsField.EPT_POINTER));
        h.skip();
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.rax()).isEqualTo(2);
    }

    // ---- "Virtualization Exceptions" ----

    private static VmxHost converting(Engine engine, long entryBits) {
        VmxHost h = new VmxHost(engine, "mov [rbx], rax", "vmcall", "handler:", "vmcall").withEpt().gate(Event.VE, "handler");
        h.on(VmxControl.EPT_VIOLATION_VE).set(VmcsField.VE_INFORMATION_ADDRESS, INFORMATION).set(VmcsField.EPTP_INDEX, 7);
        h.c.gpr[RBX] = VmxHost.DATA + 0x123;
        h.memory.write(VmxHost.eptEntry(VmxHost.DATA), 8, VmxHost.DATA | 5 | 6 << 3 | entryBits);
        return h;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aConvertibleViolationIsAnExceptionOfTheGuest(Engine engine) {
        VmxHost h = converting(engine, 0);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("handler"));
        assertThat(h.memory.read(h.get(VmcsField.GUEST_RSP), 8)).as("a fault, without error code").isEqualTo(VmxHost.CODE);
        assertThat(h.memory.read(INFORMATION, 4)).isEqualTo(ExitReason.EPT_VIOLATION.number);
        assertThat(h.memory.read(INFORMATION + 4, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(h.memory.read(INFORMATION + 8, 8) & 0x1FF).isEqualTo(WRITE | READABLE | EXECUTABLE | LINEAR);
        assertThat(h.memory.read(INFORMATION + 16, 8)).isEqualTo(VmxHost.DATA + 0x123);
        assertThat(h.memory.read(INFORMATION + 24, 8)).isEqualTo(VmxHost.DATA + 0x123);
        assertThat(h.memory.read(INFORMATION + 32, 2)).isEqualTo(7);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theExceptionBitmapSelectsVirtualizationExceptionsToo(Engine engine) {
        VmxHost h = converting(engine, 0).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.VE);
        assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
        assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO) & 0x7FF).isEqualTo(3 << 8 | Event.VE);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aSuppressedOrSecondViolationExits(Engine engine) {
        VmxHost suppressed = converting(engine, SUPPRESS_VE);
        assertThat(suppressed.run()).isEqualTo(ExitReason.EPT_VIOLATION);
        VmxHost busy = converting(engine, 0);
        busy.memory.write(INFORMATION + 4, 4, 1);
        assertThat(busy.run()).isEqualTo(ExitReason.EPT_VIOLATION);
        VmxHost off = converting(engine, 0).off(VmxControl.EPT_VIOLATION_VE);
        assertThat(off.run()).isEqualTo(ExitReason.EPT_VIOLATION);
        assertThat(off.get(VmcsField.EXIT_QUALIFICATION) & 0x1FF).isEqualTo(WRITE | READABLE | EXECUTABLE | LINEAR);
    }

    // ---- "EPTP Switching" ----

    /** A second EPT in which the data page is the page behind it. */
    private static VmxHost switching(Engine engine, long functions) {
        VmxHost h = new VmxHost(engine, "mov rdx, [rbx]", "vmfunc", "mov rdx, [rbx]", "vmcall").withEpt();
        byte[] tables = new byte[0x4000];
        h.memory.read(VmxHost.EPT, tables, 0, tables.length);
        h.memory.write(OTHER_EPT, tables, 0, tables.length);
        for (int level = 0; level < 3; level++) {
            h.memory.write(OTHER_EPT + 0x1000L * level, 8, OTHER_EPT + 0x1000L * (level + 1) | 7);
        }
        h.memory.write(OTHER_EPT + 0x3000 + (VmxHost.DATA >>> 9), 8, VmxHost.DATA + 0x1000 | 7 | 6 << 3);
        h.memory.write(VmxHost.DATA, 8, 11);
        h.memory.write(VmxHost.DATA + 0x1000, 8, 22);
        h.memory.write(LIST, 8, 0);
        h.memory.write(LIST + 8 * 511, 8, OTHER_EPT | FLAGS_AND_TYPE);
        h.on(VmxControl.ENABLE_VM_FUNCTIONS).set(VmcsField.EPTP_LIST_ADDRESS, LIST).set(VmcsField.VM_FUNCTION_CONTROLS, functions);
        h.c.gpr[RAX] = 0;
        h.c.gpr[RBX] = VmxHost.DATA;
        return h;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void vmFunctionZeroSwitchesToAnEptOfTheList(Engine engine) {
        VmxHost h = switching(engine, 1);
        h.c.gpr[RCX] = 511;
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.c.gpr[2]).isEqualTo(22);
        assertThat(h.get(VmcsField.EPT_POINTER)).isEqualTo(OTHER_EPT | FLAGS_AND_TYPE);
        assertThat(h.get(VmcsField.EPTP_INDEX)).isEqualTo(511);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aFunctionThatIsOffOrAnEptThatIsNoneExits(Engine engine) {
        VmxHost off = switching(engine, 0);
        off.c.gpr[RCX] = 511;
        assertThat(off.run()).isEqualTo(ExitReason.VMFUNC);
        for (long index : new long[] {0, 512}) {
            VmxHost h = switching(engine, 1);
            h.c.gpr[RCX] = index;
            assertThat(h.run()).as("index %d", index).isEqualTo(ExitReason.VMFUNC);
            assertThat(h.get(VmcsField.EXIT_INSTRUCTION_LENGTH)).isEqualTo(3);
            assertThat(h.get(VmcsField.EPT_POINTER)).isEqualTo(VmxHost.EPT | FLAGS_AND_TYPE);
        }
        VmxHost unknown = switching(engine, 1).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.UD);
        unknown.c.gpr[RAX] = 64;
        assertThat(unknown.run()).as("no function above 63").isEqualTo(ExitReason.EXCEPTION_OR_NMI);
    }

    // ---- "Guest-Physical Accesses to the APIC-Access Page" ----

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aPagingStructureInTheApicAccessPageExits(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov rax, [rbx]", "vmcall").withEpt();
        h.on(VmxControl.USE_TPR_SHADOW, VmxControl.VIRTUALIZE_APIC_ACCESSES);
        h.set(VmcsField.APIC_ACCESS_ADDRESS, APIC).set(VmcsField.VIRTUAL_APIC_ADDRESS, APIC + 0x1000);
        long linear = 1L << 39;
        h.c.gpr[RBX] = linear;
        h.memory.write(VmxHost.PML4 + 8, 8, APIC | 7);
        assertThat(h.run()).isEqualTo(ExitReason.APIC_ACCESS);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION) >>> 12).as("during the execution of an instruction").isEqualTo(15);
        h.set(VmcsField.GUEST_IDTR_BASE, linear).inject(3 << 8 | Event.GP, 0, 0);
        assertThat(h.run()).isEqualTo(ExitReason.APIC_ACCESS);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION) >>> 12).as("during the delivery of an event").isEqualTo(10);
        assertThat(h.get(VmcsField.IDT_VECTORING_INFO) & 0xFF).isEqualTo(Event.GP);
    }
}
