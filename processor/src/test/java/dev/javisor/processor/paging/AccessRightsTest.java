package dev.javisor.processor.paging;

import static dev.javisor.processor.paging.PagedMachine.A;
import static dev.javisor.processor.paging.PagedMachine.D;
import static dev.javisor.processor.paging.PagedMachine.P;
import static dev.javisor.processor.paging.PagedMachine.RW;
import static dev.javisor.processor.paging.PagedMachine.US;
import static dev.javisor.processor.paging.PagedMachine.XD;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.paging.PagedMachine.Mode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The manual's rules for each kind of access, spelled out one by one, against what memory accesses do. */
class AccessRightsTest {
    private static final long LINEAR = 0x40201000L;

    /** One mapping and one state of the processor. */
    private static final class Situation {
        final Mode mode;
        final long[] entries = new long[6];
        final int leaf;
        boolean wp, smep, smap, pke, pks, nxe;
        int pkru, pkrs;
        boolean accessed, dirty;

        Situation(Mode mode, Random random) {
            this.mode = mode;
            leaf = mode.levels > 1 && random.nextInt(4) == 0 ? 2 : 1;
            wp = random.nextBoolean();
            smep = random.nextInt(3) == 0;
            smap = random.nextInt(3) == 0;
            nxe = mode != Mode.BITS32 && random.nextInt(4) != 0;
            pke = mode.isLong() && random.nextBoolean();
            pks = mode.isLong() && random.nextBoolean();
            pkru = random.nextInt();
            pkrs = random.nextInt();
            for (int level = leaf; level <= mode.levels; level++) {
                entries[level] = P | random(random, RW) | random(random, US) | (nxe ? random(random, XD) : 0);
            }
            entries[leaf] |= (long) random.nextInt(16) << 59 & (mode.isLong() ? -1L : 0);
        }

        private static long random(Random random, long bit) {
            return random.nextInt(5) == 0 ? 0 : bit;
        }

        boolean all(long bit) {
            for (int level = leaf; level <= mode.levels; level++) {
                if ((entries[level] & bit) == 0) {
                    return false;
                }
            }
            return true;
        }

        boolean executeDisable() {
            for (int level = leaf; level <= mode.levels; level++) {
                if (entries[level] < 0) {
                    return true;
                }
            }
            return false;
        }

        private int keyBits() {
            int key = (int) (entries[leaf] >>> 59 & 15);
            if (all(US)) {
                return pke ? pkru >>> 2 * key & 3 : 0;
            }
            return pks ? pkrs >>> 2 * key & 3 : 0;
        }

        boolean keyPermitsRead() {
            return (keyBits() & 1) == 0;
        }

        boolean keyPermitsWrite(boolean user) {
            return keyPermitsRead() && ((keyBits() & 2) == 0 || !user && !wp);
        }

        /** "Determination of Access Rights", case by case. */
        boolean allowed(boolean user, int access, boolean explicitWithAc) {
            boolean userAddress = all(US);
            if (user) {
                return switch (access) {
                    case Translation.READ -> userAddress && keyPermitsRead();
                    case Translation.WRITE -> userAddress && all(RW) && keyPermitsWrite(true);
                    default -> userAddress && !executeDisable();
                };
            }
            boolean smapPermits = !userAddress || !smap || explicitWithAc;
            return switch (access) {
                case Translation.READ -> smapPermits && keyPermitsRead();
                case Translation.WRITE -> smapPermits && (!wp || all(RW)) && keyPermitsWrite(false);
                default -> !executeDisable() && !(userAddress && smep);
            };
        }

        int errorCode(boolean user, int access) {
            int code = 1;
            code |= access == Translation.WRITE ? 2 : 0;
            code |= user ? 4 : 0;
            code |= access == Translation.FETCH && (smep || nxe) ? 0x10 : 0;
            boolean permitted = access == Translation.WRITE ? keyPermitsWrite(user) : keyPermitsRead();
            code |= access != Translation.FETCH && !permitted ? 0x20 : 0;
            return code;
        }

        void apply(PagedMachine m) {
            Cpu c = m.c;
            for (int level = leaf; level <= mode.levels; level++) {
                long address = level == leaf ? 0x400000L | (leaf > 1 ? 0x80 : 0) : m.entryAt(LINEAR, level) & 0xFFFFFFFFFF000L;
                m.setEntry(LINEAR, level, address | entries[level]);
            }
            c.cr0 = c.cr0 & ~Cr.WP | (wp ? Cr.WP : 0);
            c.cr4 = c.cr4 & ~(Cr.SMEP | Cr.SMAP | Cr.PKE | Cr.PKS)
                    | (smep ? Cr.SMEP : 0) | (smap ? Cr.SMAP : 0) | (pke ? Cr.PKE : 0) | (pks ? Cr.PKS : 0);
            c.efer = c.efer & ~Cr.NXE | (nxe ? Cr.NXE : 0);
            c.pkru = pkru;
            c.pkrs = pkrs & 0xFFFFFFFFL;
            c.flushTlb();
            c.updateMode();
        }
    }

    @ParameterizedTest
    @EnumSource(value = Mode.class, names = "UNPAGED", mode = EnumSource.Mode.EXCLUDE)
    void everyAccessIsAllowedOrFaultsAsTheManualSays(Mode mode) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            PagedMachine m = round % 300 == 0 ? null : machine;
            if (m == null) {
                m = machine = new PagedMachine().mode(mode);
            }
            m.map(LINEAR, 0x400000, 1, P);
            Situation s = new Situation(mode, random);
            s.apply(m);
            for (int i = 0; i < 6; i++) {
                access(m, s, random, "seed " + seed + " round " + round + " access " + i);
            }
            if (s.leaf == 2) {
                m.setEntry(LINEAR, 2, 0);
            }
        }
    }

    private PagedMachine machine;

    private static void access(PagedMachine m, Situation s, Random random, String name) {
        Cpu c = m.c;
        int access = random.nextInt(3);
        boolean ac = random.nextBoolean();
        boolean implicit = access != Translation.FETCH && random.nextInt(4) == 0;
        c.cpl = random.nextBoolean() ? 3 : 0;
        c.rflags = Flags.FIXED | (ac ? Flags.AC : 0);
        c.updateMode();
        boolean user = c.cpl == 3 && !implicit;
        if (random.nextInt(3) == 0) {
            s.pkru = random.nextInt();
            s.pkrs = random.nextInt();
            c.setPkru(s.pkru);
            c.setPkrs(s.pkrs & 0xFFFFFFFFL);
        }

        Event event = PagedMachine.eventOf(() -> perform(m, access, implicit));

        boolean allowed = s.allowed(user, access, ac && !implicit);
        Event expected = allowed ? null : Event.pageFault(LINEAR, s.errorCode(user, access));
        assertThat(event).as(name).isEqualTo(expected);
        s.accessed |= allowed;
        s.dirty |= allowed && access == Translation.WRITE;
        for (int level = s.leaf; level <= s.mode.levels; level++) {
            long bits = (s.accessed ? A : 0) | (s.dirty && level == s.leaf ? D : 0);
            assertThat(m.entryAt(LINEAR, level) & (A | D)).as(name + " level " + level).isEqualTo(bits);
        }
    }

    private static void perform(PagedMachine m, int access, boolean implicit) {
        switch (access) {
            case Translation.FETCH -> m.translate(LINEAR, access);
            case Translation.WRITE -> {
                if (implicit) {
                    Memory.storeSystem(m.c, LINEAR, 1, 0);
                } else {
                    Memory.store8(m.c, LINEAR, Cpu.DS, 0);
                }
            }
            default -> {
                if (implicit) {
                    Memory.loadSystem(m.c, LINEAR, 1);
                } else {
                    Memory.load8(m.c, LINEAR, Cpu.DS);
                }
            }
        }
    }

    @Test
    void shadowStackAccessesNeedShadowStackPagesOfTheirOwnPrivilege() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.c.cr0 |= Cr.WP;
        m.map(LINEAR, 0x400000, 1, P | US | D);
        int read = Translation.READ | Translation.SHADOW_STACK;
        int write = Translation.WRITE | Translation.SHADOW_STACK;
        m.cpl(3);
        assertThat(m.translate(LINEAR, write)).isEqualTo(0x400000);
        assertThat(PagedMachine.eventOf(() -> Memory.store8(m.c, LINEAR, Cpu.DS, 1))).isEqualTo(Event.pageFault(LINEAR, 7));
        m.cpl(0);
        assertThat(PagedMachine.eventOf(() -> m.translate(LINEAR, read))).isEqualTo(Event.pageFault(LINEAR, 0x41));
        m.map(LINEAR, 0x400000, 1, P | RW | D);
        assertThat(PagedMachine.eventOf(() -> m.translate(LINEAR, write))).isEqualTo(Event.pageFault(LINEAR, 0x43));
        m.map(LINEAR, 0x400000, 1, P | D);
        assertThat(m.translate(LINEAR, write)).isEqualTo(0x400000);
        m.setEntry(LINEAR, 2, m.entryAt(LINEAR, 2) & ~RW);
        m.c.flushTlb();
        assertThat(PagedMachine.eventOf(() -> m.translate(LINEAR, write))).isEqualTo(Event.pageFault(LINEAR, 0x43));
    }
}
