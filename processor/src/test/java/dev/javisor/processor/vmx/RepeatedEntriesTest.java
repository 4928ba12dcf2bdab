package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.execution.Engine;
import java.util.EnumSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A processor that remembers what it has checked finds the same as one that has never seen the VMCS. */
class RepeatedEntriesTest {
    private static final int ENTRIES = 30_000;
    private static final VmcsField[] FIELDS = VmcsField.values();
    private static final long VIRTUAL_APIC = 0x26000, LINK = 0x27000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void whatHeldStillHolds(long seed) {
        Random random = new Random(seed);
        VmxHost h = new VmxHost(Engine.INTERPRETER, "hlt").withEpt();
        h.on(VmxControl.USE_TPR_SHADOW).set(VmcsField.VIRTUAL_APIC_ADDRESS, VIRTUAL_APIC).set(VmcsField.VMCS_LINK_POINTER, LINK);
        h.on(VmxControl.ENABLE_VPID).set(VmcsField.VIRTUAL_PROCESSOR_ID, 1);
        Vmx vmx = Vmx.of(h.c);
        long[] good = new long[FIELDS.length];
        vmx.current.readAll(good, new long[FIELDS.length]);
        EntryContext kept = new EntryContext(vmx);
        Set<EntryRule.Group> seen = EnumSet.noneOf(EntryRule.Group.class);
        int passed = 0;
        for (int i = 0; i < ENTRIES; i++) {
            change(h, good, random);
            EntryContext fresh = new EntryContext(vmx);
            fresh.begin();
            kept.begin();
            EntryRule violated = EntryRules.firstViolated(fresh);
            assertThat(EntryRules.firstViolated(kept)).as("seed %d, entry %d", seed, i).isSameAs(violated);
            if (violated == null) {
                passed++;
            } else {
                seen.add(violated.group());
            }
        }
        assertThat(passed).isBetween(ENTRIES / 20, ENTRIES * 19 / 20);
        assertThat(seen).contains(EntryRule.Group.CONTROLS, EntryRule.Group.HOST_STATE, EntryRule.Group.GUEST_STATE);
    }

    /** Something that the rules look at: a field, or memory that a field names, or the processor that enters. */
    private static void change(VmxHost h, long[] good, Random random) {
        switch (random.nextInt(12)) {
            case 0 -> h.memory.write(VIRTUAL_APIC + VirtualApic.TPR, 1, random.nextInt(2) << 4);
            case 1 -> h.memory.write(LINK, 4, random.nextBoolean() ? h.memory.read(VmxHost.VMCS, 4) : random.nextInt());
            case 2 -> h.c.inSmm = random.nextInt(8) == 0;
            case 3 -> h.set(VmcsField.TPR_THRESHOLD, random.nextInt(2));
            case 4 -> {
                VmcsField f = FIELDS[random.nextInt(FIELDS.length)];
                h.set(f, h.get(f) ^ 1L << random.nextInt(64));
            }
            case 5 -> {
                for (VmcsField f : FIELDS) {
                    h.set(f, good[f.ordinal()]);
                }
            }
            default -> {
                int first = random.nextInt(FIELDS.length);
                for (int i = first; i < Math.min(first + 20, FIELDS.length); i++) {
                    h.set(FIELDS[i], good[i]);
                }
            }
        }
    }
}
