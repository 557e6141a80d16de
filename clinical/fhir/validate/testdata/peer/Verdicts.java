import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r5.elementmodel.Element;
import org.hl7.fhir.r5.model.ElementDefinition;
import org.hl7.fhir.r5.utils.validation.IMessagingServices;
import org.hl7.fhir.r5.utils.validation.IResourceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.instance.advisor.BasePolicyAdvisorForFullValidation;

/**
 * Knows the definitions in the folders that its arguments name, then reads one resource a line and answers each with a line: the errors, joined by " || ", empty if there are none.
 */
public final class Verdicts {
  public static void main(String[] args) throws Exception {
    FhirContext context = FhirContext.forR4();
    PrePopulatedValidationSupport guides = new PrePopulatedValidationSupport(context);
    for (String folder : args) {
      load(context, guides, Paths.get(folder));
    }
    FhirInstanceValidator module = new FhirInstanceValidator(new ValidationSupportChain(
        new DefaultProfileValidationSupport(context),
        guides,
        new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context),
        new SnapshotGeneratingValidationSupport(context)));
    module.setAnyExtensionsAllowed(true);
    module.setErrorForUnknownProfiles(false);
    module.setNoTerminologyChecks(false);
    module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    module.setValidatorPolicyAdvisor(new VitalSigns());
    FhirValidator validator = context.newValidator().registerValidatorModule(module);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      StringBuilder said = new StringBuilder();
      try {
        for (SingleValidationMessage m : validator.validateWithResult(line).getMessages()) {
          if (m.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal()) {
            said.append(said.length() > 0 ? " || " : "").append(m.getLocationString()).append(": ").append(m.getMessage());
          }
        }
      } catch (RuntimeException e) {
        said.append("exception: ").append(e.getMessage());
      }
      out.println(said.toString().replaceAll("[\r\n]+", " "));
      out.flush();
    }
  }

  private static void load(FhirContext context, PrePopulatedValidationSupport guides, Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "{StructureDefinition,CodeSystem,ValueSet}-*.json")) {
      for (Path file : files) {
        IBaseResource r = context.newJsonParser().parseResource(Files.readString(file));
        if (r instanceof StructureDefinition) {
          guides.addStructureDefinition(r);
        } else if (r instanceof CodeSystem) {
          guides.addCodeSystem(r);
        } else {
          guides.addValueSet(r);
        }
      }
    }
  }

  /** Applies R4's profiles of vital signs by code, as the HL7 validator does by itself and HAPI does not. */
  private static final class VitalSigns extends FhirDefaultPolicyAdvisor {
    private final BasePolicyAdvisorForFullValidation full = new BasePolicyAdvisorForFullValidation(ReferenceValidationPolicy.IGNORE, Set.of());

    @Override
    public List<org.hl7.fhir.r5.model.StructureDefinition> getImpliedProfilesForResource(IResourceValidator validator, Object appContext, String stackPath,
        ElementDefinition definition, org.hl7.fhir.r5.model.StructureDefinition structure, Element resource, boolean valid, IMessagingServices messages,
        List<ValidationMessage> list) {
      return full.getImpliedProfilesForResource(validator, appContext, stackPath, definition, structure, resource, valid, messages, list);
    }
  }
}
