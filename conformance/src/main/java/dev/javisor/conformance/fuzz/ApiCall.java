package dev.javisor.conformance.fuzz;

import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.CpuidEntry;
import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.IrqChip;
import dev.javisor.hypervisor.abi.IrqRoutingEntry;
import dev.javisor.hypervisor.abi.MpState;
import dev.javisor.hypervisor.abi.Msi;
import dev.javisor.hypervisor.abi.MsrEntry;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.PitState;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The calls of the interface, each with random arguments. */
enum ApiCall {
    SET_REGS(w -> {
        Vcpu v = w.vcpu();
        v.setRegs(w.damaged(v.getRegs()));
    }),
    SET_SREGS(w -> {
        Vcpu v = w.vcpu();
        v.setSregs(w.damaged(v.getSregs()));
    }),
    SET_SREGS2(w -> {
        Vcpu v = w.vcpu();
        v.setSregs2(w.damaged(v.getSregs2()));
    }),
    SET_FPU(w -> {
        Vcpu v = w.vcpu();
        v.setFpu(w.damaged(v.getFpu()));
    }),
    SET_XSAVE(w -> {
        Vcpu v = w.vcpu();
        v.setXsave(w.damaged(v.getXsave()));
    }),
    SET_XCRS(w -> {
        Vcpu v = w.vcpu();
        v.setXcrs(w.damaged(v.getXcrs()));
    }),
    SET_DEBUGREGS(w -> {
        Vcpu v = w.vcpu();
        v.setDebugRegs(w.damaged(v.getDebugRegs()));
    }),
    SET_VCPU_EVENTS(w -> {
        Vcpu v = w.vcpu();
        v.setVcpuEvents(w.damaged(v.getVcpuEvents()));
    }),
    SET_LAPIC(w -> {
        Vcpu v = w.vcpu();
        v.setLapic(w.damaged(v.getLapic()));
    }),
    SET_MP_STATE(w -> w.vcpu().setMpState(MpState.values()[w.random.nextInt(MpState.values().length)])),
    SET_MSR(w -> {
        Vcpu v = w.vcpu();
        int index = w.register();
        v.setMsr(index, w.flag() ? w.number() : v.getMsr(index) ^ 1L << w.random.nextInt(64));
    }),
    GET_MSR(w -> w.vcpu().getMsr(w.register())),
    SET_MSRS(w -> w.vcpu().setMsrs(entries(w))),
    GET_MSRS(w -> w.vcpu().getMsrs(entries(w))),
    GET_FEATURE_MSRS(w -> w.kvm.getMsrs(entries(w))),
    SET_CPUID2(w -> {
        List<CpuidEntry> entries = new ArrayList<>(w.flag() ? w.kvm.getSupportedCpuid() : w.vcpu().getCpuid2());
        if (!entries.isEmpty() && w.flag()) {
            w.damaged(entries.get(w.random.nextInt(entries.size())));
        }
        w.vcpu().setCpuid2(entries);
    }),
    SET_TSC_KHZ(w -> w.vcpu().setTscKhz(w.small())),
    SET_VM_TSC_KHZ(w -> w.vm.setTscKhz(w.small())),
    SET_TSC_OFFSET(w -> w.vcpu().setTscOffset(w.number())),
    TRANSLATE(w -> w.vcpu().translate(w.number())),
    INTERRUPT(w -> w.vcpu().interrupt(w.small())),
    NMI(w -> w.vcpu().nmi()),
    SMI(w -> w.vcpu().smi()),
    SET_CR8(w -> w.vcpu().setCr8(w.small())),
    SET_GUEST_DEBUG(w -> w.vcpu().setGuestDebug(w.damaged(new GuestDebug()))),
    REQUEST_INTERRUPT_WINDOW(w -> w.vcpu().setRequestInterruptWindow(w.flag())),
    SET_IMMEDIATE_EXIT(w -> w.vcpu().setImmediateExit(w.random.nextInt(4) == 0)),
    KVMCLOCK_CTRL(w -> w.vcpu().kvmclockCtrl()),
    RESET(w -> w.vcpu().reset()),
    SET_SEED(w -> w.vcpu().setSeed(w.number())),
    RUN_LIMITED(w -> w.vcpu().run(w.kvm.timeline().now() + w.random.nextInt(3))),
    QUESTIONS(w -> {
        Vcpu v = w.vcpu();
        v.isRunnable();
        v.isReadyForInterruptInjection();
        v.getIfFlag();
        v.getCr8();
        v.getApicBase();
        v.getPendingExit();
        v.getMpState();
        v.retired();
        v.exits();
        w.kvm.checkExtension(w.small());
    }),
    SET_USER_MEMORY_REGION(w -> w.vm.setUserMemoryRegion(w.random.nextInt(-1, 4), w.random.nextInt(5), w.address(), w.memory())),
    HARVEST_DIRTY_RING(w -> w.vcpu().harvestDirtyRing()),
    RESET_DIRTY_RINGS(w -> w.vm.resetDirtyRings()),
    SET_BOOT_CPU_ID(w -> w.vm.setBootCpuId(w.small())),
    RESAMPLING_IRQFD(w -> w.vm.irqfd(w.small(), () -> {}).set(w.flag())),
    GET_DIRTY_LOG(w -> w.vm.getDirtyLog(w.random.nextInt(-1, 4))),
    CLEAR_DIRTY_LOG(w -> w.vm.clearDirtyLog(w.random.nextInt(-1, 4), w.number(), w.number(), new long[w.random.nextInt(4)])),
    IRQ_LINE(w -> w.vm.irqLine(w.flag() ? w.random.nextInt(24) : w.small(), w.flag())),
    IRQFD(w -> w.vm.irqfd(w.small()).set(w.flag())),
    SET_GSI_ROUTING(w -> w.vm.setGsiRouting(Stream.generate(() -> route(w)).limit(w.random.nextInt(5)).toList())),
    SIGNAL_MSI(w -> w.vm.signalMsi(w.damaged(new Msi(0xFEE0_0000L, w.small())))),
    SET_IRQCHIP(w -> w.vm.setIrqchip(w.damaged(w.vm.getIrqchip(w.random.nextInt(-1, 4))))),
    SET_OTHER_IRQCHIP(w -> w.vm.setIrqchip(w.damaged(new IrqChip(w.random.nextInt(4))))),
    CREATE_PIT2(w -> w.vm.createPit2(w.random.nextInt(3))),
    SET_PIT2(w -> w.vm.setPit2(w.damaged(w.vm.getPit2()))),
    SET_OTHER_PIT2(w -> w.vm.setPit2(w.damaged(new PitState()))),
    CREATE_IRQCHIP(w -> w.vm.createIrqchip()),
    CREATE_LOCAL_APICS(w -> w.vm.createLocalApics(() -> 0xFF)),
    CREATE_VCPU(w -> w.vm.createVcpu(w.random.nextInt(4) == 0 ? w.random.nextInt(4) : w.small())),
    ENABLE_CAP(w -> w.vm.enableCap(Capability.values()[w.random.nextInt(Capability.values().length)], w.number())),
    SET_MSR_FILTER(w -> {
        MsrFilter.Range range = new MsrFilter.Range(w.random.nextInt(5), w.register(), w.random.nextInt(-1, 10), new byte[1]);
        w.vm.setMsrFilter(w.flag() ? MsrFilter.NONE : new MsrFilter(w.random.nextInt(3), List.of(range)));
    }),
    SET_TSS_ADDR(w -> w.vm.setTssAddr(w.number())),
    SET_IDENTITY_MAP_ADDR(w -> w.vm.setIdentityMapAddr(w.number())),
    IOEVENTFD(w -> w.vm.ioeventfd(w.flag(), w.number(), w.random.nextInt(-1, 10), w.flag() ? null : w.number(), () -> {})),
    REMOVE_IOEVENTFD(w -> w.vm.removeIoeventfd(w.flag(), w.number(), w.random.nextInt(-1, 10), w.flag() ? null : w.number())),
    REGISTER_COALESCED(w -> w.vm.registerCoalescedMmio(w.flag(), w.number(), w.number())),
    UNREGISTER_COALESCED(w -> w.vm.unregisterCoalescedMmio(w.flag(), w.number(), w.number())),
    COALESCED_RING(w -> w.vm.coalescedRing()),
    SET_CLOCK(w -> w.vm.setClock(w.damaged(w.vm.getClock()))),
    SET_TIME_OF_DAY(w -> w.vm.setTimeOfDay(w.number())),
    SET_PML(w -> w.vm.setPageModificationLogging(w.flag())),
    SET_REQUEUE_POLICY(w -> w.vm.setRequeuePolicy(RequeuePolicy.values()[w.random.nextInt(RequeuePolicy.values().length)])),
    WAIT_FOR_TIMER(w -> w.kvm.waitForTimer()),
    SAVE_AND_LOAD(w -> {
        byte[] before = w.state();
        StateOutput out = new StateOutput();
        w.vm.save(out);
        w.vm.load(new StateInput(out.toByteArray()));
        w.expect(before, "saving and loading");
    });

    private interface Body {
        void make(ApiWorld w);
    }

    private final Body body;

    ApiCall(Body body) {
        this.body = body;
    }

    void make(ApiWorld w) {
        body.make(w);
    }

    private static MsrEntry[] entries(ApiWorld w) {
        return Stream.generate(() -> new MsrEntry(w.register(), w.number())).limit(w.random.nextInt(6)).toArray(MsrEntry[]::new);
    }

    private static IrqRoutingEntry route(ApiWorld w) {
        int gsi = w.random.nextInt(30);
        return w.damaged(w.flag()
                ? IrqRoutingEntry.msi(gsi, 0xFEE0_0000L, w.small())
                : IrqRoutingEntry.irqchip(gsi, w.random.nextInt(3), w.random.nextInt(26)));
    }
}
