package dev.javisor.isa;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.VmxControl.Word;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class VmcsTextTest {
    private static String describe(VmcsField f, long value) {
        return VmcsText.describe(f, x -> x == f ? value : 0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GUEST_CS_ACCESS_RIGHTS  | A09B     | type 11 (code, execute/read, accessed), S, DPL 0, P, L, G",
                "GUEST_SS_ACCESS_RIGHTS  | C0F3     | type 3 (data, read/write, accessed), S, DPL 3, P, D/B, G",
                "GUEST_TR_ACCESS_RIGHTS  | 8B       | type 11 (busy TSS), DPL 0, P",
                "GUEST_LDTR_ACCESS_RIGHTS| 10082    | unusable, type 2 (LDT), DPL 0, P",
                "GUEST_DS_ACCESS_RIGHTS  | 20113    | type 3 (data, read/write, accessed), S, DPL 0, not present, reserved bits 17, 8",
                "ENTRY_INTERRUPTION_INFO | 80000B0E | hardware exception #PF, error code",
                "ENTRY_INTERRUPTION_INFO | 0B0E     | not valid",
                "IDT_VECTORING_INFO      | 80000202 | NMI 02H",
                "EXIT_INTERRUPTION_INFO  | 800000F2 | external interrupt F2H",
                "ENTRY_INTERRUPTION_INFO | 80000700 | other event (pending MTF VM exit)",
                "EXIT_REASON             | A        | 10, CPUID",
                "EXIT_REASON             | 4000025  | '37, monitor trap flag, bus lock'",
                "EXIT_REASON             | 80000021 | 33, VM-entry failure due to invalid guest state",
                "VM_INSTRUCTION_ERROR    | 7        | VM entry with invalid control field(s)",
                "VM_INSTRUCTION_ERROR    | 0        | ''",
                "GUEST_ACTIVITY          | 1        | HLT",
                "EXCEPTION_BITMAP        | 60042    | #DB #UD #AC #MC",
                "EPT_POINTER             | 1505E    | WB, 4 levels, accessed and dirty flags, table at 0x15000",
                "GUEST_PAT               | 7040600070406 | WB WT UC- UC WB WT UC- UC",
                "HOST_CR0                | 80000021 | PE NE PG",
                "GUEST_RFLAGS            | 202      | IF",
                "GUEST_DR7               | 401      | L0",
                "VMCS_LINK_POINTER       | FFFFFFFFFFFFFFFF | none",
                "GUEST_INTERRUPT_STATUS  | 4130     | 'RVI 30H, SVI 41H'",
            })
    void fieldsSayWhatTheyMean(VmcsField field, String value, String meaning) {
        assertThat(describe(field, Long.parseUnsignedLong(value, 16))).isEqualTo(meaning);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "28 | 300      | MOV to CR0 from RBX",
                "28 | 818      | MOV from CR8 to R8",
                "28 | 20       | CLTS",
                "28 | 10070    | 'LMSW of 0001H, from memory'",
                "29 | 17       | MOV from DR7 to RAX",
                "30 | 3F80048  | 'IN of 1 byte from port 03F8H, immediate'",
                "30 | 710032   | REP OUTS of 3 bytes to port 0071H",
                "9  | 40000028 | 'by IRET, to the TSS with selector 0028H'",
                "33 | 4        | VMCS link pointer",
                "34 | 2        | entry 2 of the VM-entry MSR-load area",
                "44 | 1080     | 'offset 080H, linear write'",
                "48 | 182      | write linear-address-valid final-translation",
                "10 | 0        | ''",
            })
    void qualificationsDependOnTheReason(int reason, String value, String meaning) {
        Map<VmcsField, Long> fields =
                Map.of(VmcsField.EXIT_REASON, (long) reason, VmcsField.EXIT_QUALIFICATION, Long.parseLong(value, 16));
        assertThat(VmcsText.describe(VmcsField.EXIT_QUALIFICATION, f -> fields.getOrDefault(f, 0L))).isEqualTo(meaning);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "19 | 19D8102  | 'DS:[RBX+RDI*4+displacement], 64-bit address'",
                "27 | 8418080  | 'DS:[displacement], 32-bit address'",
                "23 | 20000450 | field of RDX to R10",
                "25 | 20000450 | field of RDX from R10",
                "46 | 10418900 | 'SIDT DS:[RAX+displacement], 64-bit address, 32-bit operand'",
                "47 | 30000418 | LTR RBX",
                "50 | 80418100 | 'DS:[RAX+displacement], 64-bit address, type in R8'",
                "57 | 1038     | 64 bits to RDI",
                "68 | 38       | RDI",
                "10 | 38       | ''",
            })
    void instructionInformationDependsOnTheReason(int reason, String value, String meaning) {
        Map<VmcsField, Long> fields =
                Map.of(VmcsField.EXIT_REASON, (long) reason, VmcsField.EXIT_INSTRUCTION_INFO, Long.parseLong(value, 16));
        assertThat(VmcsText.describe(VmcsField.EXIT_INSTRUCTION_INFO, f -> fields.getOrDefault(f, 0L))).isEqualTo(meaning);
    }

    @Test
    void stringInstructionsTellSegmentAndAddressSize() {
        Map<VmcsField, Long> fields = Map.of(
                VmcsField.EXIT_REASON, 30L, VmcsField.EXIT_QUALIFICATION, 0x3F8_0010L, VmcsField.EXIT_INSTRUCTION_INFO, 0x20080L);
        assertThat(VmcsText.describe(VmcsField.EXIT_INSTRUCTION_INFO, f -> fields.getOrDefault(f, 0L))).isEqualTo("FS:, 32-bit address");
    }

    @Test
    void anotherTableOfFieldsIsAnotherRevision() {
        List<VmcsField> table = new ArrayList<>(List.of(VmcsField.values()));
        assertThat(VmxCapabilities.REVISION).isPositive().isEqualTo(VmcsField.layout(table));
        table.remove(VmcsField.PML_INDEX);
        assertThat(VmcsField.layout(table)).isNotEqualTo(VmxCapabilities.REVISION);
        table.add(VmcsField.PML_INDEX);
        assertThat(VmcsField.layout(table)).isNotEqualTo(VmxCapabilities.REVISION);
    }

    @ParameterizedTest
    @EnumSource(VmxControl.class)
    void controlsAreNamed(VmxControl c) {
        assertThat(describe(VmcsText.field(c.word), c.bit)).isEqualTo('"' + c.text + '"');
    }

    /** Bits that old processors fixed say nothing. Others without a name are told by number. */
    @Test
    void reservedBitsOfControlsAreNumbered() {
        assertThat(describe(VmcsField.PIN_CONTROLS, Word.PIN_BASED.default1)).isEmpty();
        assertThat(describe(VmcsField.PIN_CONTROLS, 1 | 1 << 20)).isEqualTo("\"external-interrupt exiting\", bit 20");
    }

    @Test
    void bitsAreListedInRunsWithTheirNames() {
        assertThat(VmcsText.bits(VmcsField.GUEST_CR0).list(1 | 1 << 5)).isEqualTo("bits 5 (NE), 0 (PE)");
        assertThat(BitNames.NONE.list(-1L << 48 | 6)).isEqualTo("bits 63:48, 2:1");
        assertThat(BitNames.NONE.list(1L << 63)).isEqualTo("bit 63");
    }
}
