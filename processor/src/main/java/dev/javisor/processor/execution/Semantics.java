package dev.javisor.processor.execution;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.event.InterruptFlag;
import dev.javisor.processor.event.InterruptReturn;
import dev.javisor.processor.event.SoftwareInterrupts;
import dev.javisor.processor.event.SystemManagement;
import dev.javisor.processor.fpu.X87Bind;
import dev.javisor.processor.integer.Arithmetic;
import dev.javisor.processor.integer.BitManipulation;
import dev.javisor.processor.integer.BitTest;
import dev.javisor.processor.integer.CarryChain;
import dev.javisor.processor.integer.Checksum;
import dev.javisor.processor.integer.ConditionalMove;
import dev.javisor.processor.integer.ControlTransfer;
import dev.javisor.processor.integer.Conversion;
import dev.javisor.processor.integer.DecimalAdjustment;
import dev.javisor.processor.integer.DirectStore;
import dev.javisor.processor.integer.Division;
import dev.javisor.processor.integer.DoubleShift;
import dev.javisor.processor.integer.Exchange;
import dev.javisor.processor.integer.FlagControl;
import dev.javisor.processor.integer.Miscellaneous;
import dev.javisor.processor.integer.Move;
import dev.javisor.processor.integer.Multiplication;
import dev.javisor.processor.integer.ProcessorRegisters;
import dev.javisor.processor.integer.Shift;
import dev.javisor.processor.integer.Stack;
import dev.javisor.processor.integer.StringOperation;
import dev.javisor.processor.segment.FarTransfer;
import dev.javisor.processor.segment.FastCalls;
import dev.javisor.processor.segment.SegmentMoves;
import dev.javisor.processor.segment.SelectorChecks;
import dev.javisor.processor.segment.TableRegisters;
import dev.javisor.processor.simd.Aes;
import dev.javisor.processor.simd.CarrylessMultiply;
import dev.javisor.processor.simd.DataMove;
import dev.javisor.processor.simd.ElementMove;
import dev.javisor.processor.simd.FloatArithmetic;
import dev.javisor.processor.simd.FloatConversion;
import dev.javisor.processor.simd.Mxcsr;
import dev.javisor.processor.simd.PackedInteger;
import dev.javisor.processor.simd.RegisterMove;
import dev.javisor.processor.simd.Sha;
import dev.javisor.processor.simd.Shuffle;
import dev.javisor.processor.simd.StringCompare;
import dev.javisor.processor.system.AccessControl;
import dev.javisor.processor.system.ControlRegisters;
import dev.javisor.processor.system.CpuId;
import dev.javisor.processor.system.DebugRegisters;
import dev.javisor.processor.system.ExtendedControl;
import dev.javisor.processor.system.Invalidation;
import dev.javisor.processor.system.Hypercall;
import dev.javisor.processor.system.MonitorWait;
import dev.javisor.processor.system.Msrs;
import dev.javisor.processor.system.PortIo;
import dev.javisor.processor.system.TimeStamp;
import dev.javisor.processor.vmx.VmxInstructions;
import dev.javisor.processor.xsave.Fxsave;
import dev.javisor.processor.xsave.Xsave;

/** From an instruction to what it does: asks the classes of semantics, the most frequent groups first. */
public final class Semantics {
    /** A class of semantics: the handler of an instruction that belongs to it, or null. */
    @FunctionalInterface
    private interface Group {
        Handler bind(Instruction i);
    }

    private static final Group[] GROUPS = {
        Move::bind,
        Arithmetic::bind,
        ControlTransfer::bind,
        Stack::bind,
        Conversion::bind,
        Shift::bind,
        ConditionalMove::bind,
        BitTest::bind,
        Exchange::bind,
        StringOperation::bind,
        Multiplication::bind,
        Division::bind,
        DoubleShift::bind,
        BitManipulation::bind,
        Miscellaneous::bind,
        FlagControl::bind,
        CarryChain::bind,
        Checksum::bind,
        DecimalAdjustment::bind,
        DirectStore::bind,
        ProcessorRegisters::bind,
        ControlRegisters::bind,
        DebugRegisters::bind,
        Invalidation::bind,
        AccessControl::bind,
        PortIo::bind,
        Msrs::bind,
        VmxInstructions::bind,
        TimeStamp::bind,
        CpuId::bind,
        MonitorWait::bind,
        ExtendedControl::bind,
        DataMove::bind,
        PackedInteger::bind,
        Shuffle::bind,
        RegisterMove::bind,
        ElementMove::bind,
        FloatArithmetic::bind,
        FloatConversion::bind,
        StringCompare::bind,
        Aes::bind,
        Sha::bind,
        CarrylessMultiply::bind,
        Mxcsr::bind,
        Fxsave::bind,
        Xsave::bind,
        X87Bind::bind,
        Hypercall::bind,
        SegmentMoves::bind,
        FarTransfer::bind,
        TableRegisters::bind,
        SelectorChecks::bind,
        FastCalls::bind,
        InterruptFlag::bind,
        InterruptReturn::bind,
        SoftwareInterrupts::bind,
        SystemManagement::bind,
    };

    private Semantics() {}

    /** The handler of an instruction; one that raises #UD when the instruction has no semantics. Never null. */
    public static Handler bind(Instruction i) {
        Handler h = find(i);
        return h != null ? h : Semantics::undefined;
    }

    /** Whether any class knows what the instruction does. */
    public static boolean isBound(Instruction i) {
        return find(i) != null;
    }

    private static Handler find(Instruction i) {
        for (Group g : GROUPS) {
            Handler h = g.bind(i);
            if (h != null) {
                return h;
            }
        }
        return null;
    }

    private static void undefined(Cpu c, Op o) {
        throw c.ud();
    }
}
