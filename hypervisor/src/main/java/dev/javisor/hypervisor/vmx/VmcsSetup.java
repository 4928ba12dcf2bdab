package dev.javisor.hypervisor.vmx;

import static dev.javisor.isa.VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT;
import static dev.javisor.isa.VmxControl.ACTIVATE_SECONDARY;
import static dev.javisor.isa.VmxControl.CR8_LOAD_EXITING;
import static dev.javisor.isa.VmxControl.CR8_STORE_EXITING;
import static dev.javisor.isa.VmxControl.ENABLE_EPT;
import static dev.javisor.isa.VmxControl.ENABLE_INVPCID;
import static dev.javisor.isa.VmxControl.ENABLE_RDTSCP;
import static dev.javisor.isa.VmxControl.ENABLE_USER_WAIT_AND_PAUSE;
import static dev.javisor.isa.VmxControl.ENABLE_VPID;
import static dev.javisor.isa.VmxControl.ENABLE_XSAVES;
import static dev.javisor.isa.VmxControl.EXTERNAL_INTERRUPT_EXITING;
import static dev.javisor.isa.VmxControl.HLT_EXITING;
import static dev.javisor.isa.VmxControl.HOST_ADDRESS_SPACE_SIZE;
import static dev.javisor.isa.VmxControl.LOAD_DEBUG_CONTROLS;
import static dev.javisor.isa.VmxControl.LOAD_EFER;
import static dev.javisor.isa.VmxControl.LOAD_HOST_EFER;
import static dev.javisor.isa.VmxControl.LOAD_PAT;
import static dev.javisor.isa.VmxControl.MOV_DR_EXITING;
import static dev.javisor.isa.VmxControl.NMI_EXITING;
import static dev.javisor.isa.VmxControl.RDPMC_EXITING;
import static dev.javisor.isa.VmxControl.RDRAND_EXITING;
import static dev.javisor.isa.VmxControl.RDSEED_EXITING;
import static dev.javisor.isa.VmxControl.SAVE_DEBUG_CONTROLS;
import static dev.javisor.isa.VmxControl.SAVE_EFER;
import static dev.javisor.isa.VmxControl.UNCONDITIONAL_IO_EXITING;
import static dev.javisor.isa.VmxControl.UNRESTRICTED_GUEST;
import static dev.javisor.isa.VmxControl.USE_MSR_BITMAPS;
import static dev.javisor.isa.VmxControl.USE_TSC_OFFSETTING;
import static dev.javisor.isa.VmxControl.USE_TSC_SCALING;
import static dev.javisor.isa.VmxControl.VIRTUAL_NMIS;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.host.HostPages;
import dev.javisor.hypervisor.host.RootProcessor;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import java.util.List;

/** Makes the VMCS of a vcpu: what is the same for all of its life. */
final class VmcsSetup {
    /** What the hypervisor needs the processor to have. */
    private static final List<VmxControl> REQUIRED = List.of(
            EXTERNAL_INTERRUPT_EXITING,
            NMI_EXITING,
            VIRTUAL_NMIS,
            HLT_EXITING,
            USE_TSC_OFFSETTING,
            USE_TSC_SCALING,
            MOV_DR_EXITING,
            RDPMC_EXITING,
            CR8_LOAD_EXITING,
            CR8_STORE_EXITING,
            UNCONDITIONAL_IO_EXITING,
            USE_MSR_BITMAPS,
            ACTIVATE_SECONDARY,
            ENABLE_EPT,
            UNRESTRICTED_GUEST,
            SAVE_DEBUG_CONTROLS,
            HOST_ADDRESS_SPACE_SIZE,
            ACKNOWLEDGE_INTERRUPT_ON_EXIT,
            SAVE_EFER,
            LOAD_HOST_EFER,
            LOAD_DEBUG_CONTROLS,
            LOAD_EFER,
            LOAD_PAT);

    /** What lets instructions run without exit, where the processor has them. */
    private static final List<VmxControl> WANTED =
            List.of(ENABLE_VPID, ENABLE_RDTSCP, ENABLE_INVPCID, ENABLE_XSAVES, ENABLE_USER_WAIT_AND_PAUSE);

    // MSR bitmaps: reads of the low and of the high range, then writes
    private static final int HIGH = 0x400, WRITES = 0x800, MSR_RANGE = 0x1FFF;

    /** Each vcpu has a processor for itself, so that they can have the same. */
    static final int VPID = 1;

    private final RootProcessor root;
    private final HostPages pages;
    private final long[] words = new long[Word.values().length];
    private long msrBitmaps;

    VmcsSetup(RootProcessor root, HostPages pages) {
        this.root = root;
        this.pages = pages;
    }

    /** The row of capability registers that say what a word of controls may hold. */
    private static int register(Word w) {
        return switch (w) {
            case PIN_BASED -> VmxCapabilities.TRUE_PIN_BASED;
            case PRIMARY -> VmxCapabilities.TRUE_PRIMARY;
            case SECONDARY -> VmxCapabilities.SECONDARY;
            case EXIT -> VmxCapabilities.TRUE_EXIT;
            case ENTRY -> VmxCapabilities.TRUE_ENTRY;
            case TERTIARY -> VmxCapabilities.TERTIARY;
            case SECONDARY_EXIT -> VmxCapabilities.SECONDARY_EXIT;
        };
    }

    /** Translations are not forgotten at entries and exits. */
    boolean tagsTranslations() {
        return (words[ENABLE_VPID.word.ordinal()] & ENABLE_VPID.bit) != 0;
    }

    boolean has(VmxControl c) {
        return (root.capability(register(c.word)) >>> 32 & c.bit) != 0;
    }

    /**
     * Makes a VMCS and makes it current.
     *
     * @throws KvmException NOT_SUPPORTED when the processor lacks a control that is needed
     */
    long create() {
        for (Word w : new Word[] {Word.PIN_BASED, Word.PRIMARY, Word.EXIT, Word.ENTRY}) {
            words[w.ordinal()] = root.capability(register(w)) & 0xFFFF_FFFFL;
        }
        for (VmxControl c : REQUIRED) {
            if (!has(c)) {
                throw new KvmException(KvmException.Error.NOT_SUPPORTED, "the processor lacks \"" + c.text + "\"");
            }
            words[c.word.ordinal()] |= c.bit;
        }
        for (VmxControl c : WANTED) {
            words[c.word.ordinal()] |= has(c) ? c.bit : 0;
        }
        long region = pages.allocate();
        root.memory().write(region, 4, VmxCapabilities.REVISION);
        root.vmclear(region);
        root.vmptrld(region);
        controls();
        host();
        return region;
    }

    private void controls() {
        root.vmwrite(VmcsField.PIN_CONTROLS, words[Word.PIN_BASED.ordinal()]);
        root.vmwrite(VmcsField.PRIMARY_CONTROLS, words[Word.PRIMARY.ordinal()]);
        root.vmwrite(VmcsField.SECONDARY_CONTROLS, words[Word.SECONDARY.ordinal()]);
        root.vmwrite(VmcsField.EXIT_CONTROLS, words[Word.EXIT.ordinal()]);
        root.vmwrite(VmcsField.ENTRY_CONTROLS, words[Word.ENTRY.ordinal()]);
        root.vmwrite(VmcsField.VMCS_LINK_POINTER, -1);
        if (tagsTranslations()) {
            root.vmwrite(VmcsField.VIRTUAL_PROCESSOR_ID, VPID);
        }
        root.vmwrite(VmcsField.CR0_MASK, VmcsTransfer.CR0_MASK);
        root.vmwrite(VmcsField.EXCEPTION_BITMAP, 1 << Event.DB);
        msrBitmaps = pages.allocate();
        pages.fill(msrBitmaps, -1);
        root.vmwrite(VmcsField.MSR_BITMAPS, msrBitmaps);
    }

    /** Instructions of features that a model has not are undefined or exit, where the processor can do that; all registers exit. */
    void modelChanged(CpuModel model) {
        long secondary = root.vmread(VmcsField.SECONDARY_CONTROLS);
        for (VmxControl c : WANTED) {
            secondary = secondary & ~c.bit | (has(c) && has(model, c) ? c.bit : 0);
        }
        for (VmxControl c : List.of(RDRAND_EXITING, RDSEED_EXITING)) {
            secondary = secondary & ~c.bit | (has(c) && !has(model, c) ? c.bit : 0);
        }
        root.vmwrite(VmcsField.SECONDARY_CONTROLS, secondary);
        pages.fill(msrBitmaps, -1);
    }

    private static boolean has(CpuModel model, VmxControl c) {
        return switch (c) {
            case ENABLE_RDTSCP -> model.features().has(Feature.RDTSCP) || model.features().has(Feature.RDPID);
            case ENABLE_INVPCID -> model.features().has(Feature.INVPCID);
            case ENABLE_XSAVES -> model.features().has(Feature.XSAVES);
            case ENABLE_USER_WAIT_AND_PAUSE -> model.features().has(Feature.WAITPKG);
            case RDRAND_EXITING -> model.features().has(Feature.RDRAND);
            case RDSEED_EXITING -> model.features().has(Feature.RDSEED);
            default -> true;
        };
    }

    /** Whether reads, and writes, of the register exit. */
    void intercept(Msr m, boolean reads, boolean writes) {
        intercept(m.index, reads, writes);
    }

    /** As {@link #intercept(Msr, boolean, boolean)}, by number. */
    void intercept(int index, boolean reads, boolean writes) {
        int bit = index & MSR_RANGE;
        long at = msrBitmaps + (index < 0 ? HIGH : 0) + (bit >>> 3);
        intercept(at, bit & 7, reads);
        intercept(at + WRITES, bit & 7, writes);
    }

    /** Sets a control of the pin-based or of the secondary processor-based ones. */
    void set(VmxControl c, boolean on) {
        VmcsField f = c.word == Word.PIN_BASED ? VmcsField.PIN_CONTROLS : VmcsField.SECONDARY_CONTROLS;
        root.vmwrite(f, root.vmread(f) & ~c.bit | (on ? c.bit : 0));
    }

    private void intercept(long at, int bit, boolean exits) {
        long others = root.memory().read(at, 1) & ~(1L << bit);
        root.memory().write(at, 1, others | (exits ? 1L << bit : 0));
    }

    private void host() {
        root.vmwrite(VmcsField.HOST_CR0, root.hostCr0());
        root.vmwrite(VmcsField.HOST_CR4, root.hostCr4());
        root.vmwrite(VmcsField.HOST_EFER, root.hostEfer());
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            root.vmwrite(VmcsField.of(VmcsField.HOST_ES_SELECTOR.encoding + 2 * s), root.hostSelector(s));
        }
        root.vmwrite(VmcsField.HOST_TR_SELECTOR, root.hostSelector(Cpu.TR));
    }
}
