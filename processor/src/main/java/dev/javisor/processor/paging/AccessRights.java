package dev.javisor.processor.paging;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.core.Translation;

/**
 * Whether the rights that a page walk has gathered allow an access ("Determination of Access Rights", "Protection Keys"), and the error
 * code of the page fault when they do not ("Page-Fault Exceptions").
 */
public final class AccessRights {
    /** Rights: every entry has R/W; every entry has U/S (a user-mode address); some entry has XD; D of the last entry. */
    public static final int WRITABLE = 2, USER = 4, EXECUTE_DISABLE = 8, DIRTY = 0x40;
    /** Rights: a shadow-stack page (dirty and not writable by the last entry, writable by all others). */
    public static final int SHADOW_STACK_PAGE = 0x80;
    /** Rights: protection key, four bits. */
    public static final int KEY_SHIFT = 8;

    /** Page-fault error code: protection (not absence), write, user mode, reserved bit, instruction fetch, protection key, shadow stack. */
    public static final int P = 1, WR = 2, US = 4, RSVD = 8, ID = 0x10, PK = 0x20, SS = 0x40;

    private AccessRights() {}

    static boolean isUser(int context) {
        return context == Tlb.USER || context == Tlb.NONE;
    }

    /** The error-code bits that only depend on the kind of access. */
    public static int errorCode(Cpu c, int context, int access) {
        int code = isUser(context) ? US : 0;
        if ((access & Translation.WRITE) != 0) {
            code |= WR;
        } else if ((access & Translation.FETCH) != 0
                && ((c.cr4 & Cr.SMEP) != 0 || (c.cr4 & Cr.PAE) != 0 && (c.efer & Cr.NXE) != 0)) {
            code |= ID;
        }
        return (access & Translation.SHADOW_STACK) != 0 ? code | SS : code;
    }

    /**
     * @param context {@link Tlb#USER}, ...
     * @return 0 when the access is allowed, else the error code
     */
    public static int denial(Cpu c, int context, int access, int rights) {
        int key = dataAccess(access) && keyDenies(c, context, access, rights) ? PK : 0;
        if (key == 0 && allowed(c, context, access, rights)) {
            return 0;
        }
        return errorCode(c, context, access) | P | key;
    }

    private static boolean dataAccess(int access) {
        return (access & Translation.FETCH) == 0;
    }

    private static boolean allowed(Cpu c, int context, int access, int rights) {
        boolean user = isUser(context);
        boolean userPage = (rights & USER) != 0;
        if ((access & Translation.SHADOW_STACK) != 0) {
            return user == userPage && (rights & SHADOW_STACK_PAGE) != 0;
        }
        if ((access & Translation.FETCH) != 0) {
            return (rights & EXECUTE_DISABLE) == 0 && (user ? userPage : !userPage || (c.cr4 & Cr.SMEP) == 0);
        }
        if (user ? !userPage : userPage && context == Tlb.SUPERVISOR && (c.cr4 & Cr.SMAP) != 0) {
            return false;
        }
        return (access & Translation.WRITE) == 0 || (rights & WRITABLE) != 0 || !user && (c.cr0 & Cr.WP) == 0;
    }

    private static boolean keyDenies(Cpu c, int context, int access, int rights) {
        boolean userPage = (rights & USER) != 0;
        if ((c.efer & Cr.LMA) == 0 || (c.cr4 & (userPage ? Cr.PKE : Cr.PKS)) == 0) {
            return false;
        }
        int key = rights >>> KEY_SHIFT & 15;
        int disable = (userPage ? c.pkru : (int) c.pkrs) >>> 2 * key;
        boolean writeDisable = (disable & 2) != 0 && (isUser(context) || (c.cr0 & Cr.WP) != 0);
        return (disable & 1) != 0 || writeDisable && (access & Translation.WRITE) != 0;
    }
}
