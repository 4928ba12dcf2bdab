package dev.javisor.machine;

import dev.javisor.isa.Feature;
import dev.javisor.machine.Processors.Processor;
import dev.javisor.machine.boot.BootContext;
import dev.javisor.machine.boot.BootImage;
import dev.javisor.machine.boot.FirmwareImage;
import dev.javisor.machine.boot.FirmwareKernel;
import dev.javisor.machine.bus.BoardControl;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.console.HostEvents;
import dev.javisor.machine.console.InputFeeder;
import dev.javisor.machine.device.FirmwareConfig;
import dev.javisor.machine.device.TextDisplay;
import dev.javisor.machine.firmware.BiosDataArea;
import dev.javisor.machine.firmware.FirmwareTables;
import dev.javisor.machine.firmware.RealModeInterrupts;
import dev.javisor.machine.memory.GuestRam;
import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.machine.virtio.Drive;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import dev.javisor.processor.system.FirmwareRegisters;
import dev.javisor.processor.trace.TraceSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A PC: memory, processors and devices, made from a {@link MachineConfiguration}. Processors take turns on the thread that calls
 * {@link #run}, so that the same configuration always does the same; {@link #events} is the way in for other threads.
 */
public final class Machine implements Stateful, AutoCloseable {
    /** Guest time for which a processor runs while others wait for their turn. */
    private static final long TURN = 10_000;
    /** Guest time between two looks at {@link HostEvents} when one processor runs alone. */
    private static final long SLICE = 1_000_000;
    /** Guest time for which all processors may wait before that counts as the end: with interrupts disabled, and enabled. */
    private static final long PATIENCE = 60 * Timeline.FREQUENCY, LONG_PATIENCE = 24 * 60 * PATIENCE;
    /** Guest time for which faults may lead to faults, without any instruction, before that counts as the end. */
    private static final long FRUITLESS = Timeline.FREQUENCY / 1000;
    /** Guest time for which output may stay in buffers while the guest computes. */
    private static final long OUTPUT_DELAY = Timeline.FREQUENCY / 200;

    private final MachineConfiguration configuration;
    private final Arena arena = Arena.ofShared();
    private final Timeline timeline = new Timeline();
    private final PhysicalMemory memory = new PhysicalMemory();
    private final MemoryMap map;
    private final MemorySegment ram;
    private final Processors set;
    private final List<Processor> processors;
    private final Board board;
    private final BootImage kernel;
    private final FirmwareImage firmware;
    private final HostEvents events = new HostEvents();
    private final List<InputFeeder> inputs = new ArrayList<>();

    private FirmwareTables tables;
    private int turn;
    /** When the turn of the running processor ends; 0 between two turns. */
    private long turnEnd;
    private Processor running;
    private MachineExit exit;
    private boolean resetRequested;
    private boolean suspended;
    private boolean wakeRequested;
    private long idleSince = -1;
    /** When it is looked next whether an instruction has retired, and how many had the last time. */
    private long nextLook = FRUITLESS, progress;
    private long nextFlush;

    /**
     * Puts a machine together and resets it.
     *
     * @throws dev.javisor.machine.boot.BadImageException if kernel, initrd or firmware cannot be used
     */
    public Machine(MachineConfiguration configuration) {
        this.configuration = configuration;
        firmware = configuration.firmware() == null ? null : new FirmwareImage(configuration.firmware());
        kernel = firmware == null ? BootImage.of(configuration.kernel()) : null;
        ram = GuestRam.allocate(configuration.memory(), arena);
        long low = Math.min(configuration.memory(), configuration.chipset().lowMemoryLimit);
        memory.addRam(0, ram.asSlice(0, low));
        if (configuration.memory() > low) {
            memory.addRam(1L << 32, ram.asSlice(low));
        }
        map = memoryMap(configuration);
        if (configuration.place() == Place.HYPERVISOR) {
            GuestProcessors guests = new GuestProcessors(configuration, memory, timeline);
            board = new Board(configuration, timeline, memory, guests.interrupts(), new Control());
            guests.connect(board.io);
            set = guests;
        } else {
            ApicBus bus = new ApicBus();
            board = new Board(configuration, timeline, memory, bus, new Control());
            set = new MetalProcessors(configuration, memory, timeline, bus, board.io);
        }
        processors = set.all();
        board.serial.forEach(uart -> inputs.add(new InputFeeder(timeline, () -> 1, c -> uart.receive(new byte[] {(byte) c}))));
        if (board.console != null) {
            inputs.add(new InputFeeder(timeline, board.console::room, board.console::receive));
        }
        if (firmware != null) {
            firmware.map(memory, arena);
            if (configuration.variables() != null) {
                addVariables(configuration.variables());
            }
            FirmwareTables.offer(board.firmwareConfig, board.describe(), map);
            if (configuration.kernel() != null) {
                new FirmwareKernel(configuration.kernel(), configuration.modules(), configuration.commandLine())
                        .offer(board.firmwareConfig, map);
            }
            long features = FirmwareRegisters.featureControl(configuration.model());
            if (features != 0) {
                byte[] file = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(features).array();
                board.firmwareConfig.addFile("etc/msr_feature_control", file);
            }
        } else {
            kernel.firmwareView().ifPresent(view -> board.firmwareConfig.put(FirmwareConfig.KERNEL_DATA, view));
        }
        reset();
    }

    /** The flash memory below the firmware. */
    private void addVariables(Drive drive) {
        long at = firmware.variables(drive.sectors() * Drive.SECTOR);
        byte[] content = new byte[(int) (drive.sectors() * Drive.SECTOR)];
        drive.read(0, content, content.length);
        board.addFlash(at, content, (offset, bytes) -> drive.write(offset, bytes, bytes.length));
    }

    private static MemoryMap memoryMap(MachineConfiguration c) {
        MemoryMap m = MemoryMap.pc(c.memory(), c.chipset().lowMemoryLimit);
        return c.chipset().ecam == 0 ? m : m.with(c.chipset().ecam, 256L << 20, MemoryMap.Type.RESERVED);
    }

    /** Resets processors and devices, and starts the kernel or the firmware afresh. */
    private void reset() {
        resetRequested = false;
        suspended = false;
        board.reset();
        for (Processor p : processors) {
            p.reset();
        }
        if (firmware != null) {
            firmware.shadow(memory);
            return;
        }
        board.setUp();
        tables = FirmwareTables.write(memory, board.describe());
        BiosDataArea.write(memory, board.describe());
        TextDisplay.clear(memory);
        RealModeInterrupts.setUp(memory, board.io);
        processors.forEach(p -> p.setUp(configuration.chipset().lowMemoryLimit));
        boolean longMode = configuration.model().features().has(Feature.LM);
        BootContext context = new BootContext(
                memory, map, configuration.modules(), configuration.commandLine(), tables.rootPointer(), longMode, configuration.entry());
        processors.getFirst().start(kernel.load(context));
    }

    public MachineConfiguration configuration() {
        return configuration;
    }

    /** Where other threads hand in what they want of the machine. */
    public HostEvents events() {
        return events;
    }

    /** Types to a serial port, or behind the last one, to the virtio console. To be called on the machine's thread. */
    public InputFeeder input(int port) {
        return inputs.get(port);
    }

    /** The processors of a machine that runs on the metal; none on the hypervisor. */
    public List<LogicalProcessor> processors() {
        return set.metal();
    }

    /** What the registers of all processors hold. */
    public List<Registers> registers() {
        return processors.stream().map(Processor::registers).toList();
    }

    /** The code that the processors would fetch. */
    public List<CodeView> code() {
        return processors.stream().map(Processor::code).toList();
    }

    /** How often guests have exited to the hypervisor, by the manual's name of the reason; empty on the metal. */
    public Map<String, Long> exits() {
        return set.exits();
    }

    /** From here on somebody is told what happens to events and to guests; null for nobody. Changes nothing of the run. */
    public void trace(TraceSink sink) {
        processors.forEach(p -> p.trace(sink));
    }

    /** Instructions retired by compiled code. */
    public long compiledInstructions() {
        return processors.stream().mapToLong(Processor::compiledInstructions).sum();
    }

    /** How often compiled code was entered. */
    public long regionEntries() {
        return processors.stream().mapToLong(Processor::regionEntries).sum();
    }

    public PhysicalMemory memory() {
        return memory;
    }

    /** What stands on the screen, line by line. */
    public List<String> screen() {
        return board.display.text(memory);
    }

    /** Format of the kernel, or what else is started. */
    public String bootDescription() {
        return kernel == null ? "firmware" : kernel.describe();
    }

    /** Guest time since power-on, in ticks of {@link Timeline#FREQUENCY}. */
    public long time() {
        return timeline.now();
    }

    /** Guest time since power-on, in seconds. */
    public double seconds() {
        return (double) time() / Timeline.FREQUENCY;
    }

    /** Instructions retired by all processors. */
    public long retired() {
        long n = 0;
        for (Processor p : processors) {
            n += p.retired();
        }
        return n;
    }

    /** What has been compiled; null when everything is interpreted. */
    public CompilerStatistics compilerStatistics() {
        return set.compilerStatistics();
    }

    /** Ends {@link #run} between two instructions; from any thread. */
    public void interrupt() {
        events.post(() -> exit = new MachineExit.Interrupted());
    }

    /** Runs until something ends it. */
    public MachineExit run() {
        return run(Long.MAX_VALUE);
    }

    /**
     * Runs until something ends it, at most until {@code limit} instructions have retired since power-on. A run that ended at its
     * limit, or was interrupted, can be continued.
     */
    public MachineExit run(long limit) {
        return run(limit, Long.MAX_VALUE);
    }

    /**
     * As {@link #run(long)}, at most until guest time {@code end}, which may lie between an event and the first instruction of its handler.
     */
    public MachineExit run(long limit, long end) {
        exit = null;
        nextFlush = timeline.now();
        while (exit == null) {
            events.run();
            if (exit != null) {
                break;
            }
            long left = limit - retired();
            if (left <= 0) {
                exit = new MachineExit.InstructionLimit();
            } else if (timeline.now() >= end) {
                exit = new MachineExit.TimeLimit();
            } else {
                advance(left, end);
            }
        }
        flush();
        return exit;
    }

    private void advance(long instructions, long limit) {
        if (resetRequested) {
            if (configuration.stopAtReset()) {
                exit = new MachineExit.Reset();
                return;
            }
            reset();
        }
        if (suspended && wakeRequested) {
            wakeUp();
        }
        Processor p = suspended ? null : next();
        if (p == null) {
            idle(limit);
            return;
        }
        idleSince = -1;
        running = p;
        long now = timeline.now();
        long left = Math.min(instructions, limit - now);
        // A turn that a limit cuts is continued by the next run.
        turnEnd = turnEnd > now ? turnEnd : now + (processors.size() == 1 ? SLICE : TURN);
        long end = Math.min(turnEnd, nextLook);
        p.run(left < end - now ? now + left : end);
        running = null;
        if (timeline.now() >= nextFlush) {
            flush();
            nextFlush = timeline.now() + OUTPUT_DELAY;
        }
        if (p.hasYielded() || !p.isRunnable() || timeline.now() >= turnEnd) {
            turnEnd = 0;
            turn = turn + 1 == processors.size() ? 0 : turn + 1;
        }
        if (timeline.now() >= nextLook) {
            if (retired() == progress && exit == null) {
                exit = new MachineExit.Halted();
            }
            look(timeline.now());
        }
        if (p.isShutDown() && exit == null) {
            exit = new MachineExit.Shutdown(processors.indexOf(p), p.rip());
        }
        if (p.failure() != null && exit == null) {
            exit = new MachineExit.Failure(processors.indexOf(p), p.failure());
        }
    }

    /** The processor whose turn it is, or null when all wait. */
    private Processor next() {
        for (int i = 0; i < processors.size(); i++) {
            Processor p = processors.get(turn);
            if (p.isRunnable()) {
                return p;
            }
            turn = turn + 1 == processors.size() ? 0 : turn + 1;
        }
        return null;
    }

    /** Lets time pass up to the next deadline. @param limit time that must not be passed */
    private void idle(long limit) {
        flush();
        long now = timeline.now();
        long next = timeline.next();
        boolean hopeless = !suspended && isHopeless(now);
        if (events.isLive()) {
            next = pace(now, next);
        } else if (next == Long.MAX_VALUE || hopeless) {
            exit = new MachineExit.Halted();
            return;
        }
        next = Math.min(next, limit);
        timeline.skipTo(next);
        look(next);
        timeline.runDue();
    }

    private void look(long now) {
        progress = retired();
        nextLook = now + FRUITLESS;
    }

    /** No processor would take an interrupt, and that for long; or none came for very long, though timers tick. */
    private boolean isHopeless(long now) {
        long patience = PATIENCE;
        for (Processor p : processors) {
            if (p.waitsForInterrupt()) {
                patience = LONG_PATIENCE;
            }
        }
        idleSince = idleSince < 0 ? now : idleSince;
        return now - idleSince > patience;
    }

    /** Waits in real time for the next deadline or an event of the host; returns the guest time that has come. */
    private long pace(long now, long next) {
        long wait = next == Long.MAX_VALUE ? Long.MAX_VALUE : (next - now) * 1_000 / (Timeline.FREQUENCY / 1_000_000);
        long start = System.nanoTime();
        try {
            if (events.await(wait)) {
                long passed = (System.nanoTime() - start) / 1_000 * (Timeline.FREQUENCY / 1_000_000);
                return Math.min(next, now + passed);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            exit = new MachineExit.Interrupted();
            return now;
        }
        return next;
    }

    private void wakeUp() {
        suspended = false;
        wakeRequested = false;
        board.resume();
        for (Processor p : processors) {
            p.reset();
        }
        if (tables == null) {
            return;
        }
        long vector = tables.wakingVector(memory);
        processors.getFirst().startReal((int) (vector >>> 4) & 0xFFFF, (int) vector & 0xF);
    }

    private void flush() {
        configuration.serial().forEach(ByteSink::flush);
        configuration.debugConsole().flush();
        if (configuration.virtioConsole() != null) {
            configuration.virtioConsole().flush();
        }
    }

    /** SHA-256 of the machine's whole state, in hexadecimal: processors, devices and memory. */
    public String stateHash() {
        return StateHash.of(this, memory);
    }

    /** SHA-256 of what memory holds, in hexadecimal, which is the same wherever the guest runs. */
    public String memoryHash() {
        return StateHash.of(memory);
    }

    /** The state of all devices, which is the same wherever the guest runs. */
    public byte[] devices() {
        StateOutput out = new StateOutput();
        out.put("board", board);
        return out.toByteArray();
    }

    @Override
    public void save(StateOutput out) {
        processors.forEach(Processor::settle);
        out.putLong("time", timeline.now());
        out.putLongs(
                "run",
                new long[] {
                    turn, turnEnd, resetRequested ? 1 : 0, suspended ? 1 : 0, wakeRequested ? 1 : 0, idleSince, progress, nextLook
                });
        for (int i = 0; i < processors.size(); i++) {
            out.put("processor " + i, processors.get(i));
        }
        out.put("board", board);
        for (int i = 0; i < inputs.size(); i++) {
            out.put("input " + i, inputs.get(i));
        }
    }

    @Override
    public void load(StateInput in) {
        timeline.setTime(in.getLong("time"));
        long[] run = new long[8];
        in.getLongs("run", run);
        turn = (int) run[0];
        turnEnd = run[1];
        resetRequested = run[2] != 0;
        suspended = run[3] != 0;
        wakeRequested = run[4] != 0;
        idleSince = run[5];
        progress = run[6];
        nextLook = run[7];
        for (int i = 0; i < processors.size(); i++) {
            in.get("processor " + i, processors.get(i));
        }
        in.get("board", board);
        for (int i = 0; i < inputs.size(); i++) {
            in.get("input " + i, inputs.get(i));
        }
    }

    /** Frees the memory. The machine cannot be used any more. */
    @Override
    public void close() {
        flush();
        set.close();
        arena.close();
    }

    /** What devices ask for takes effect behind the instruction that made them ask. */
    private final class Control implements BoardControl {
        @Override
        public void reset() {
            resetRequested = true;
            stop();
        }

        @Override
        public void powerOff() {
            end(new MachineExit.PowerOff());
        }

        @Override
        public void suspend() {
            suspended = true;
            wakeRequested = false;
            stop();
        }

        @Override
        public void wake() {
            wakeRequested = suspended;
        }

        @Override
        public void exit(int status) {
            end(new MachineExit.GuestExit(status & 0xFF));
        }

        private void end(MachineExit reason) {
            if (exit == null) {
                exit = reason;
            }
            stop();
        }

        private void stop() {
            if (running != null) {
                running.stop();
            }
        }
    }
}
