"""Templates of PlanetScope's metadata XML: tag names and namespaces are those of real products."""

from __future__ import annotations

__all__ = ["BAND", "METADATA"]

BAND = """
      <ps:bandSpecificMetadata>
        <ps:bandNumber>$number</ps:bandNumber>
        <!-- Multiply by radiometricScaleFactor to convert DNs to TOA Radiance (W / m2 sr um) -->
        <ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor>
        <!-- Multiply by reflectanceCoefficient to convert DNs to TOA Reflectance -->
        <ps:reflectanceCoefficient>$coefficient</ps:reflectanceCoefficient>
      </ps:bandSpecificMetadata>"""

METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<!-- simulated by catfast: not a product of Planet, not an image of the Earth -->
<ps:EarthObservation xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:opt="http://earth.esa.int/opt" \
xmlns:gml="http://www.opengis.net/gml" xmlns:eop="http://earth.esa.int/eop" \
xmlns:ps="http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level" \
version="1.2.1" planet_standard_product_version="1.0">
  <gml:metaDataProperty>
    <ps:EarthObservationMetaData>
      <eop:identifier>$identifier</eop:identifier>
      <eop:acquisitionType>SIMULATED</eop:acquisitionType>
      <eop:productType>L3B</eop:productType>
      <eop:status>ARCHIVED</eop:status>
      <ps:pixelFormat>16U</ps:pixelFormat>
    </ps:EarthObservationMetaData>
  </gml:metaDataProperty>
  <gml:validTime>
    <gml:TimePeriod>
      <gml:beginPosition>$time</gml:beginPosition>
      <gml:endPosition>$time</gml:endPosition>
    </gml:TimePeriod>
  </gml:validTime>
  <gml:using>
    <eop:EarthObservationEquipment>
      <eop:platform>
        <eop:Platform>
          <eop:shortName>PlanetScope</eop:shortName>
          <eop:serialIdentifier>$satellite</eop:serialIdentifier>
          <eop:orbitType>LEO-SSO</eop:orbitType>
        </eop:Platform>
      </eop:platform>
      <eop:instrument>
        <eop:Instrument>
          <eop:shortName>$instrument</eop:shortName>
        </eop:Instrument>
      </eop:instrument>
      <eop:sensor>
        <ps:Sensor>
          <eop:sensorType>OPTICAL</eop:sensorType>
          <eop:resolution uom="m">3.0000</eop:resolution>
          <ps:scanType>FRAME</ps:scanType>
        </ps:Sensor>
      </eop:sensor>
      <eop:acquisitionParameters>
        <ps:Acquisition>
          <eop:orbitDirection>DESCENDING</eop:orbitDirection>
          <eop:incidenceAngle uom="deg">$incidence</eop:incidenceAngle>
          <opt:illuminationAzimuthAngle uom="deg">$sun_azimuth</opt:illuminationAzimuthAngle>
          <opt:illuminationElevationAngle uom="deg">$sun_elevation</opt:illuminationElevationAngle>
          <ps:azimuthAngle uom="deg">$azimuth</ps:azimuthAngle>
          <ps:spaceCraftViewAngle uom="deg">$view</ps:spaceCraftViewAngle>
          <ps:acquisitionDateTime>$time</ps:acquisitionDateTime>
        </ps:Acquisition>
      </eop:acquisitionParameters>
    </eop:EarthObservationEquipment>
  </gml:using>
  <gml:target>
    <ps:Footprint>
      <gml:multiExtentOf>
        <gml:MultiSurface srsName="EPSG:4326">
          <gml:surfaceMembers>
            <gml:Polygon srsName="EPSG:4326"><gml:outerBoundaryIs><gml:LinearRing>\
<gml:coordinates>$ring</gml:coordinates></gml:LinearRing></gml:outerBoundaryIs></gml:Polygon>
          </gml:surfaceMembers>
        </gml:MultiSurface>
      </gml:multiExtentOf>
      <gml:centerOf>
        <gml:Point srsName="EPSG:4326">
          <gml:pos>$lon $lat</gml:pos>
        </gml:Point>
      </gml:centerOf>
      <ps:geographicLocation>
        <ps:topLeft>
          <ps:latitude>$north</ps:latitude>
          <ps:longitude>$west</ps:longitude>
        </ps:topLeft>
        <ps:topRight>
          <ps:latitude>$north</ps:latitude>
          <ps:longitude>$east</ps:longitude>
        </ps:topRight>
        <ps:bottomRight>
          <ps:latitude>$south</ps:latitude>
          <ps:longitude>$east</ps:longitude>
        </ps:bottomRight>
        <ps:bottomLeft>
          <ps:latitude>$south</ps:latitude>
          <ps:longitude>$west</ps:longitude>
        </ps:bottomLeft>
      </ps:geographicLocation>
    </ps:Footprint>
  </gml:target>
  <gml:resultOf>
    <ps:EarthObservationResult>
      <eop:product>
        <ps:ProductInformation>
          <eop:fileName>$file</eop:fileName>
          <ps:productFormat>GeoTIFF</ps:productFormat>
          <ps:spatialReferenceSystem>
            <ps:epsgCode>$epsg</ps:epsgCode>
            <ps:geodeticDatum>WGS_1984</ps:geodeticDatum>
            <ps:projection>WGS 84 / UTM zone ${zone}N</ps:projection>
            <ps:projectionZone>$zone</ps:projectionZone>
          </ps:spatialReferenceSystem>
          <ps:resamplingKernel>CC</ps:resamplingKernel>
          <ps:numRows>$size</ps:numRows>
          <ps:numColumns>$size</ps:numColumns>
          <ps:numBands>$count</ps:numBands>
          <ps:rowGsd>3.0</ps:rowGsd>
          <ps:columnGsd>3.0</ps:columnGsd>
          <ps:radiometricCorrectionApplied>true</ps:radiometricCorrectionApplied>
          <ps:geoCorrectionLevel>Precision Geocorrection</ps:geoCorrectionLevel>
          <ps:elevationCorrectionApplied>FineDEM</ps:elevationCorrectionApplied>
          <ps:atmosphericCorrectionApplied>$corrected</ps:atmosphericCorrectionApplied>
        </ps:ProductInformation>
      </eop:product>
      <eop:mask>
        <eop:MaskInformation>
          <eop:type>UNUSABLE DATA</eop:type>
          <eop:format>RASTER</eop:format>
          <eop:referenceSystemIdentifier codeSpace="EPSG">$epsg</eop:referenceSystemIdentifier>
          <eop:fileName>$udm</eop:fileName>
        </eop:MaskInformation>
      </eop:mask>
      <opt:cloudCoverPercentage uom="percentage">$cloud</opt:cloudCoverPercentage>
      <opt:cloudCoverPercentageQuotationMode>AUTOMATIC</opt:cloudCoverPercentageQuotationMode>
      <ps:unusableDataPercentage uom="percentage">0.0</ps:unusableDataPercentage>$bands
    </ps:EarthObservationResult>
  </gml:resultOf>
</ps:EarthObservation>
"""
