package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * What the instruction that is being emulated wants of userspace's devices. A load ends its emulation; it is repeated when userspace has
 * answered, with the answers so far. Stores are handed out when the instruction has completed.
 */
final class UserAccess implements Stateful {
    /** Ends the emulation of the running instruction until userspace has answered. Carries no stack trace. */
    static final class Needed extends RuntimeException {
        Needed() {
            super(null, null, false, false);
        }
    }

    private final Needed needed = new Needed();
    private final List<Long> answers = new ArrayList<>();
    private final Deque<VcpuExit> stores = new ArrayDeque<>();
    private int used;
    private VcpuExit question;

    /** The emulation of an instruction begins, or begins again. */
    void begin() {
        used = 0;
        stores.clear();
    }

    /** The instruction has completed, or has faulted: answers that it did not use are void. */
    void end() {
        answers.clear();
        used = 0;
        question = null;
    }

    /** The instruction is not gone on with. */
    void abandon() {
        end();
    }

    long read(boolean port, long address, int size) {
        if (used < answers.size()) {
            return answers.get(used++);
        }
        question = port
                ? new VcpuExit.Io(VcpuExit.IO_IN, size, (int) address, 1, new byte[size])
                : new VcpuExit.Mmio(address, new byte[8], size, false);
        throw needed;
    }

    void write(boolean port, long address, int size, long value) {
        if (port) {
            VcpuExit.Io io = new VcpuExit.Io(VcpuExit.IO_OUT, size, (int) address, 1, new byte[size]);
            io.setValue((int) value);
            stores.add(io);
        } else {
            VcpuExit.Mmio mmio = new VcpuExit.Mmio(address, new byte[8], size, true);
            mmio.setValue(value);
            stores.add(mmio);
        }
    }

    /** The load that waits for an answer. */
    VcpuExit question() {
        return question;
    }

    /** Takes the answer to the {@link #question}. */
    void answer() {
        answers.add(switch (question) {
            case VcpuExit.Io io -> io.value() & 0xFFFF_FFFFL;
            case VcpuExit.Mmio mmio -> mmio.value();
            default -> throw new IllegalStateException("no load: " + question);
        });
        question = null;
    }

    /** The instruction has had answers and is to be repeated with them. */
    boolean hasAnswers() {
        return !answers.isEmpty();
    }

    boolean isWaiting() {
        return question != null;
    }

    /** The next store for userspace, or null. */
    VcpuExit nextStore() {
        return stores.poll();
    }

    // ---- state ----

    @Override
    public void save(StateOutput out) {
        out.putInt("answered", answers.size());
        out.putLongs("answers", answers.stream().mapToLong(Long::longValue).toArray());
        ExitState.save(out, question);
        out.putInt("stored", stores.size());
        stores.forEach(s -> ExitState.save(out, s));
    }

    @Override
    public void load(StateInput in) {
        begin();
        end();
        long[] saved = new long[in.getInt("answered")];
        in.getLongs("answers", saved);
        for (long a : saved) {
            answers.add(a);
        }
        question = ExitState.load(in);
        for (int n = in.getInt("stored"); n > 0; n--) {
            stores.add(ExitState.load(in));
        }
    }
}
