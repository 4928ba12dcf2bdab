package dev.javisor.machine;

import dev.javisor.machine.boot.StartState;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.state.Stateful;
import dev.javisor.processor.trace.TraceSink;
import java.util.List;
import java.util.Map;

/** The processors of a machine, on the metal or on the hypervisor. */
interface Processors extends AutoCloseable {
    /** One of them. */
    interface Processor extends Stateful {
        /** Runs up to machine time {@code limit}, or until it waits, gives way or shuts down. */
        void run(long limit);

        boolean isRunnable();

        /** The last {@link #run} ended because the processor gave way, or was told to {@link #stop}. */
        boolean hasYielded();

        /** Ends {@link #run} behind the instruction that is running. To be called by devices. */
        void stop();

        /** Makes the state complete. An instruction that must be at its end for that passes. */
        void settle();

        /** Power-up. */
        void reset();

        /** Starts as a boot protocol wants it. */
        void start(StartState state);

        /** Starts in real mode at CS:IP. */
        void startReal(int segment, int offset);

        /** What firmware programs before it starts an operating system: memory types, and on the first processor the virtual wire mode. */
        void setUp(long devices);

        /** Shut down, by a triple fault. */
        boolean isShutDown();

        /** Why the hypervisor cannot let it go on; else null. */
        String failure();

        /** Waits, but an interrupt would wake it. */
        boolean waitsForInterrupt();

        long rip();

        /** From here on somebody is told what happens to events; null for nobody. */
        void trace(TraceSink sink);

        Registers registers();

        CodeView code();

        /** Instructions retired. */
        long retired();

        long compiledInstructions();

        /** How often compiled code was entered. */
        long regionEntries();
    }

    List<Processor> all();

    /** Those of silicon; none on the hypervisor. */
    List<LogicalProcessor> metal();

    /** Takes interrupts to them. */
    ApicBus interrupts();

    /** VM exits of all of them, by reason; empty on the metal. */
    Map<String, Long> exits();

    /** Null when everything is interpreted. */
    CompilerStatistics compilerStatistics();

    @Override
    void close();
}
