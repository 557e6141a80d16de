import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.NpmPackageValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Validates the lines of an NDJSON file with the HL7 validator, again and again, and prints how many a second of this
 * process's processor time yields, and how many of the first pass have an error. Warming up is not counted.
 *
 * <p>Validate FILE SECONDS [PACKAGE.tgz on the class path]
 */
public final class Validate {
  public static void main(String[] args) throws Exception {
    FhirContext context = FhirContext.forR4();
    List<IValidationSupport> supports = new ArrayList<>();
    supports.add(new DefaultProfileValidationSupport(context));
    if (args.length > 2) {
      NpmPackageValidationSupport npm = new NpmPackageValidationSupport(context);
      npm.loadPackageFromClasspath("classpath:" + args[2]);
      supports.add(npm);
    }
    supports.add(new CommonCodeSystemsTerminologyService(context));
    supports.add(new InMemoryTerminologyServerValidationSupport(context));
    supports.add(new SnapshotGeneratingValidationSupport(context));
    FhirInstanceValidator module = new FhirInstanceValidator(new ValidationSupportChain(supports.toArray(new IValidationSupport[0])));
    module.setAnyExtensionsAllowed(true);
    module.setErrorForUnknownProfiles(false);
    FhirValidator validator = context.newValidator().registerValidatorModule(module);
    List<String> lines = Files.readAllLines(Path.of(args[0]));
    long seconds = Long.parseLong(args[1]);
    run(validator, lines, 2 * seconds); // warming up
    double[] result = run(validator, lines, seconds);
    System.out.println(result[0] + " " + (long) result[1] + " " + (long) result[2]);
  }

  /** Returns resources a second of processor time, how many resources, and how many of them have an error. */
  private static double[] run(FhirValidator validator, List<String> lines, long seconds) {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long start = system.getProcessCpuTime();
    long done = 0;
    long wrong = 0;
    while (true) {
      for (String line : lines) {
        boolean bad = validator.validateWithResult(line).getMessages().stream()
            .anyMatch(m -> m.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal());
        if (bad) {
          wrong++;
        }
        done++;
        long spent = system.getProcessCpuTime() - start;
        if (spent >= seconds * 1_000_000_000L) {
          return new double[] {done / (spent / 1e9), done, wrong};
        }
      }
    }
  }
}
