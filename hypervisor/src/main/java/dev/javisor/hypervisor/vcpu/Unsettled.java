package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** What is still to be settled with userspace before the guest goes on: an answer that an instruction waits for, and what it is told. */
final class Unsettled implements Stateful {
    /** An instruction without emulation that userspace completes. */
    enum Completion {
        NONE,
        IN,
        RDMSR,
        WRMSR,
        HYPERCALL
    }

    /** What userspace has been asked, how the instruction is completed with its answer, and the instruction's length. */
    private VcpuExit asked;

    private Completion completion = Completion.NONE;
    private int length;
    /** What a guest that was called back has ended with. */
    private VcpuExit deferred;
    /** What an instruction that has completed wants of userspace. */
    private VcpuExit wanted;
    /** A step that was made in software. */
    private VcpuExit stepped;

    void clear() {
        abandon();
        deferred = null;
        wanted = null;
        stepped = null;
    }

    /** The instruction that waits for an answer shall not be completed. */
    void abandon() {
        if (deferred == asked) {
            deferred = null;
        }
        asked = null;
        completion = Completion.NONE;
    }

    /** Something waits, whatever the guest does. */
    boolean isPending() {
        return asked != null || deferred != null;
    }

    void ask(VcpuExit question, Completion how, int instructionLength) {
        asked = question;
        completion = how;
        length = instructionLength;
    }

    /** What userspace has been asked; null when nothing waits for an answer. */
    VcpuExit asked() {
        return asked;
    }

    int length() {
        return length;
    }

    /** How the instruction is completed, which is then nobody's matter any more. */
    Completion takeCompletion() {
        Completion c = completion;
        abandon();
        return c;
    }

    void defer(VcpuExit exit) {
        deferred = exit;
    }

    VcpuExit takeDeferred() {
        VcpuExit x = deferred;
        deferred = null;
        return x;
    }

    void want(VcpuExit exit) {
        wanted = exit;
    }

    VcpuExit takeWanted() {
        VcpuExit x = wanted;
        wanted = null;
        return x;
    }

    void step(VcpuExit exit) {
        stepped = exit;
    }

    VcpuExit takeStep() {
        VcpuExit x = stepped;
        stepped = null;
        return x;
    }

    /** The exit that was put off is the question of an emulated instruction. */
    boolean isDeferred(VcpuExit question) {
        return question != null && deferred == question;
    }

    @Override
    public void save(StateOutput out) {
        out.putString("completion", completion.name());
        out.putInt("length", length);
        ExitState.save(out, asked);
        out.putBoolean("not told", asked != null && deferred == asked);
        ExitState.save(out, deferred);
        ExitState.save(out, wanted);
        ExitState.save(out, stepped);
    }

    @Override
    public void load(StateInput in) {
        completion = Completion.valueOf(in.getString("completion"));
        length = in.getInt("length");
        asked = ExitState.load(in);
        boolean same = in.getBoolean("not told");
        deferred = ExitState.load(in);
        if (same) {
            deferred = asked;
        }
        wanted = ExitState.load(in);
        stepped = ExitState.load(in);
    }
}
